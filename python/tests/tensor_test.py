"""Tensor and numpy: memory in common, orders, dtypes, sizes; DLPack."""

import gc
import sys
import unittest
import weakref

import mindspore_lite as mslite
import ml_dtypes
import numpy as np
from mindspore_lite import DataType, Format

DTYPES = {
    DataType.BOOL: np.bool_,
    DataType.INT8: np.int8,
    DataType.INT16: np.int16,
    DataType.INT32: np.int32,
    DataType.INT64: np.int64,
    DataType.UINT8: np.uint8,
    DataType.UINT16: np.uint16,
    DataType.UINT32: np.uint32,
    DataType.UINT64: np.uint64,
    DataType.FLOAT16: np.float16,
    DataType.FLOAT32: np.float32,
    DataType.FLOAT64: np.float64,
    DataType.BFLOAT16: ml_dtypes.bfloat16,
}


def tensor(shape, dtype=DataType.FLOAT32):
    return mslite.Tensor(shape=list(shape), dtype=dtype)


class TensorTest(unittest.TestCase):
    def test_new_tensor(self):
        t = mslite.Tensor()
        self.assertEqual(
            str(t),
            "name: ,\ndtype: DataType.FLOAT32,\nshape: [],\nformat: Format.NCHW,\nelement_num: 1,\ndata_size: 4.",
        )
        self.assertEqual(t.get_data_to_numpy(), 0)
        t.name, t.dtype, t.shape, t.format = "tensor1", DataType.INT64, [1, 3, 2, 2], Format.NHWC
        self.assertEqual(
            str(t),
            "name: tensor1,\ndtype: DataType.INT64,\nshape: [1, 3, 2, 2],\nformat: Format.NHWC,\nelement_num: 12,\ndata_size: 96.",
        )
        self.assertEqual(repr(t), "<Tensor 'tensor1' INT64 [1, 3, 2, 2]>")
        self.assertFalse(t.get_data_to_numpy().any())

    def test_every_dtype_goes_in_and_out(self):
        for dtype, kind in DTYPES.items():
            with self.subTest(dtype=dtype):
                values = np.array([[0, 1, 1], [1, 0, 1]]).astype(kind)
                t = tensor((2, 3), dtype)
                t.set_data_from_numpy(values)
                back = t.get_data_to_numpy()
                self.assertEqual(back.dtype, values.dtype)
                np.testing.assert_array_equal(back, values)
                self.assertTrue(np.shares_memory(back, values))
                self.assertEqual(t.data_size, values.nbytes)
                self.assertEqual(mslite.Tensor(values).dtype, dtype)

    def test_memory_is_shared_both_ways(self):
        x = np.zeros((2, 3), np.float32)
        t = tensor((2, 3))
        t.set_data_from_numpy(x)
        x[0, 0] = 7
        self.assertEqual(t.get_data_to_numpy()[0, 0], 7)
        t.get_data_to_numpy()[1, 2] = 8
        self.assertEqual(x[1, 2], 8)

    def test_arrays_keep_memory_alive(self):
        x = np.arange(6, dtype=np.float32)
        gone = weakref.ref(x)
        t = tensor((6,))
        t.set_data_from_numpy(x)
        y = t.get_data_to_numpy()
        del x, t
        gc.collect()
        np.testing.assert_array_equal(y, np.arange(6))
        self.assertIsNotNone(gone())
        del y
        gc.collect()
        self.assertIsNone(gone())
        own = tensor((1000,)).get_data_to_numpy()
        gc.collect()
        self.assertFalse(own.any())

    def test_other_orders_are_copied(self):
        base = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
        for name, x in {
            "fortran": np.asfortranarray(base),
            "transposed": np.ascontiguousarray(base.T).T,
            "strided": np.repeat(base, 2, axis=2)[:, :, ::2],
            "reversed": base[::-1, :, ::-1][::-1, :, ::-1].copy()[::-1][::-1],
            "negative": np.ascontiguousarray(base[:, ::-1])[:, ::-1],
            "big endian": base.astype(">f4"),
            "big endian fortran": np.asfortranarray(base.astype(">f4")),
            "broadcast": np.broadcast_to(base[:, :1], (2, 3, 4)),
            "unaligned": np.frombuffer(b"\0" + base.tobytes(), np.uint8)[1:]
            .view(np.float32)
            .reshape(2, 3, 4),
        }.items():
            with self.subTest(order=name):
                t = tensor((2, 3, 4))
                t.set_data_from_numpy(x)
                np.testing.assert_array_equal(t.get_data_to_numpy(), np.asarray(x))
                self.assertEqual(mslite.Tensor(x).get_data_to_numpy().tolist(), x.tolist())
        bf16 = np.arange(6).reshape(2, 3).astype(ml_dtypes.bfloat16)
        np.testing.assert_array_equal(mslite.Tensor(bf16.T).get_data_to_numpy(), bf16.T)

    def test_read_only_stays_read_only(self):
        x = np.ones(3, np.float32)
        x.setflags(write=False)
        t = tensor((3,))
        t.set_data_from_numpy(x)
        self.assertTrue(np.shares_memory(t.get_data_to_numpy(), x))
        self.assertFalse(t.get_data_to_numpy().flags.writeable)
        t.set_data_from_numpy(np.frombuffer(np.ones(3, np.float32).tobytes(), np.float32))
        self.assertFalse(t.get_data_to_numpy().flags.writeable)

    def test_sizes(self):
        for shape, elements in (
            ([], 1),
            ([0], 0),
            ([2, 0, 3], 0),
            ([-1, 3], 0),
            ([-5], 0),
            ([2**40, 2**40], 2**80),
        ):
            t = tensor(shape)
            self.assertEqual((t.shape, t.element_num, t.data_size), (shape, elements, 4 * elements))
        self.assertEqual(tensor([2, 0, 3]).get_data_to_numpy().shape, (2, 0, 3))
        empty = tensor([2, 0])
        empty.set_data_from_numpy(np.zeros((2, 0), np.float32))
        self.assertEqual(empty.get_data_to_numpy().shape, (2, 0))
        scalar = tensor([])
        scalar.set_data_from_numpy(np.array(3, np.float32))
        self.assertEqual(scalar.get_data_to_numpy(), 3)
        for shape in ([-1, 3], [2**40, 2**40], [2**62], [2**70], [1] * 9):
            with self.subTest(shape=shape), self.assertRaises((RuntimeError, OverflowError)):
                tensor(shape).get_data_to_numpy()
        for dtype in (DataType.UNKNOWN, DataType.INVALID):
            t = tensor([2], dtype)
            self.assertEqual(t.data_size, 0)
            with self.assertRaisesRegex(RuntimeError, dtype.name):
                t.get_data_to_numpy()
        nan = np.array([np.nan, np.inf, -np.inf, -0.0], np.float32)
        self.assertEqual(mslite.Tensor(nan).get_data_to_numpy().tobytes(), nan.tobytes())

    def test_shape_keeps_data_of_one_size(self):
        t = mslite.Tensor(np.arange(6, dtype=np.float32))
        t.shape = [2, 3]
        np.testing.assert_array_equal(t.get_data_to_numpy(), np.arange(6).reshape(2, 3))
        t.set_data_from_numpy(np.arange(6, dtype=np.float32)[::-1])  # a flat array of the same size
        np.testing.assert_array_equal(t.get_data_to_numpy(), np.arange(6)[::-1].reshape(2, 3))
        t.shape = [4]
        self.assertFalse(t.get_data_to_numpy().any())
        t.dtype = DataType.INT8
        self.assertEqual(t.get_data_to_numpy().dtype, np.int8)

    def test_wrappers_of_one_tensor(self):
        a = mslite.Tensor()
        b = mslite.Tensor(a._tensor)
        a.name, a.shape = "a", [3]
        a.set_data_from_numpy(np.arange(3, dtype=np.float32))
        self.assertEqual((b.name, b.shape), ("a", [3]))
        self.assertEqual(b.get_data_to_numpy().tolist(), [0, 1, 2])

    def test_texts(self):
        t = mslite.Tensor(np.array([["a", "bé"], ["", "long" * 100]]))
        self.assertEqual((t.dtype, t.shape, t.data_size), (DataType.STRING, [2, 2], 0))
        self.assertEqual(t.get_data_to_numpy().tolist(), [["a", "bé"], ["", "long" * 100]])
        t.set_data_from_numpy(np.array([[b"x\0y", "z"], ["", "u"]], object))
        self.assertEqual(t.get_data_to_numpy()[0, 0], "x\0y")
        self.assertEqual(tensor([2], DataType.STRING).get_data_to_numpy().tolist(), ["", ""])

    def test_bfloat16_bits(self):
        bits = np.array([0x3F80, 0xC000], np.uint16)
        t = tensor([2], DataType.BFLOAT16)
        t.set_data_from_numpy(bits)
        self.assertEqual(t.get_data_to_numpy().astype(np.float32).tolist(), [1, -2])

    def test_dlpack(self):
        t = mslite.Tensor(np.arange(6, dtype=np.float32).reshape(2, 3))
        self.assertEqual(t.__dlpack_device__(), (1, 0))
        y = np.from_dlpack(t)
        t.get_data_to_numpy()[0, 0] = 9
        self.assertEqual(y[0, 0], 9)
        x = np.arange(4, dtype=np.int32)
        u = mslite.Tensor.from_dlpack(x)
        self.assertEqual((u.dtype, u.shape), (DataType.INT32, [4]))
        x[3] = 5
        self.assertEqual(u.get_data_to_numpy()[3], 5)
        self.assertEqual(np.asarray(t).shape, (2, 3))
        self.assertEqual(np.array(t, np.float64).dtype, np.float64)

    def test_older_spelling(self):
        t = mslite.Tensor()
        t.set_tensor_name("n")
        t.set_data_type(DataType.INT32)
        t.set_shape([2])
        t.set_format(Format.NHWC)
        got = (
            t.get_tensor_name(),
            t.get_data_type(),
            t.get_shape(),
            t.get_format(),
            t.get_element_num(),
            t.get_data_size(),
        )
        self.assertEqual(got, ("n", DataType.INT32, [2], Format.NHWC, 2, 8))

    def test_no_references_leak(self):
        x = np.ones((4, 4), np.float32)
        t = tensor((4, 4))
        t.set_data_from_numpy(x)
        before = sys.getrefcount(x)
        for _ in range(100):
            t.set_data_from_numpy(x)
            t.get_data_to_numpy()
            np.from_dlpack(t)
        self.assertEqual(sys.getrefcount(x), before)


if __name__ == "__main__":
    unittest.main()
