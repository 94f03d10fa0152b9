#!/bin/bash
# tools_test.sh CONVERTER_LITE BENCHMARK MIRIN WRITE_MODELS: the programs as a user meets them: status, stdout, files.
set -u
root=$PWD
converter=$root/$1 benchmark=$root/$2 mirin=$root/$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$root/$4" "$folder"
cd "$folder" || exit 1
bad=0

# expect STATUS COMMAND..: runs it; its output is in out and err.
expect() {
  local want=$1
  shift
  "$@" > out 2> err
  local got=$?
  ((got == want)) || { echo "FAIL: status $got, expected $want: $*"; cat out err; bad=1; }
}
has() { grep -qF -e "$2" "$1" || { echo "FAIL: $1 has no '$2':"; cat "$1"; bad=1; }; }
lacks() { grep -qF -e "$2" "$1" && { echo "FAIL: $1 has '$2':"; cat "$1"; bad=1; }; }
missing() { [[ ! -e $1 ]] || { echo "FAIL: $1 exists"; bad=1; }; }

# -- converter_lite
expect 3 "$converter"
has err "usage: converter_lite"
expect 0 "$converter" --help
has out "--inputDataFormat=NHWC|NCHW"
expect 0 "$converter" --fmk=ONNX --modelFile=mlp.onnx --outputFile=mlp
has out "CONVERT RESULT SUCCESS:0"
[[ $(stat -c %a mlp.mindir) == $(printf %o $((0666 & ~$(umask) & 0755))) ]] || { echo "FAIL: mode $(stat -c %a mlp.mindir)"; bad=1; }
expect 12 "$converter" --fmk=ONNX --modelFile=unsupported.onnx --outputFile=unsupported
has err "Convert failed. Ret: Frobnicate 'first' (opset 17): the operator Frobnicate is not supported"
has err "error: Frobnicate 'second'"
lacks out "SUCCESS"
missing unsupported.mindir
expect 3 "$converter" --fmk=ONYX --modelFile=mlp.onnx --outputFile=x
has err "INPUT ILLEGAL: fmk must be ONNX|MINDIR|TF|TFLITE|CAFFE|PYTORCH, got 'ONYX'"
expect 3 "$converter" --fmk=ONNX --modelFile=mlp.onnx
has err "outputFile is not set"
expect 3 "$converter" --fmk=ONNX --modelfile=mlp.onnx --outputFile=x
has err "did you mean 'modelFile'?"
expect 3 "$converter" --fmk ONNX
has err "'--fmk' is not --name=value"
expect 5 "$converter" --fmk=ONNX --modelFile=none.onnx --outputFile=x
expect 12 "$converter" --fmk=ONNX --modelFile=mlp.onnx --outputFile=x --optimize=ascend_oriented
has err "models made for one Ascend chip are not written; use general"
expect 12 "$converter" --fmk=TF --modelFile=mlp.onnx --outputFile=x
expect 15 "$converter" --fmk=ONNX --modelFile=garbage.onnx --outputFile=x
has err "reading ended at byte"
missing x.mindir
expect 0 "$converter" --fmk=ONNX --modelFile=mlp.onnx --outputFile=secret --encryptKey=30313233343536373839414243444546 --report=json
has out '"output": "secret.mindir"'
has err "CONVERT RESULT SUCCESS:0"
lacks err 30313233
expect 3 "$converter" --fmk=ONNX --modelFile=mlp.onnx --outputFile=x --encryption=true
has err "encryption is true, but encryptKey is not set"
expect 3 "$converter" --fmk=ONNX --modelFile=mlp.onnx --outputFile=x --encryptKey=3031323
lacks err 3031323
printf '[acl_option_cfg_param]\ndevice_id=0\n' > note.cfg
expect 0 "$converter" --fmk=ONNX --modelFile=mlp.onnx --outputFile=noted --configFile=note.cfg --reportFile=report.html
has err "note: [acl_option_cfg_param] of the configuration file has no effect"
has report.html "<!DOCTYPE html>"
printf '[acl_option_cfg_param]\ndevice=0\n' > wrong.cfg
expect 3 "$converter" --fmk=ONNX --modelFile=mlp.onnx --outputFile=x --configFile=wrong.cfg
has err "configFile 'wrong.cfg': line 2: [acl_option_cfg_param] has no key 'device'"
expect 0 "$converter" --fmk=ONNX --modelFile=image.onnx --outputFile=image --inputDataFormat=NHWC --inputDataType=UINT8
expect 0 "$converter" --fmk=MINDIR --modelFile=mlp.mindir --outputFile=again

# -- relative paths mean the caller's folder, wherever the program was started
mkdir elsewhere
(cd elsewhere && BUILD_WORKING_DIRECTORY=$folder "$converter" --fmk=ONNX --modelFile=mlp.onnx --outputFile=elsewhere/there) > /dev/null 2>&1
[[ -s elsewhere/there.mindir ]] || { echo "FAIL: BUILD_WORKING_DIRECTORY is not looked at"; bad=1; }

# -- mirin check
expect 0 "$mirin" check mlp.onnx
has out "mlp.onnx: 2 nodes, 0 errors"
expect 0 "$mirin" check mlp.mindir --infer
expect 1 "$mirin" check unsupported.onnx
has out "error: Frobnicate 'first' (opset 17): the operator Frobnicate is not supported"
has out "unsupported.onnx: 4 nodes, 2 errors"
expect 1 "$mirin" check unsupported.onnx --report=json
has out '"node": "second"'
expect 1 "$mirin" check unsupported.onnx --reportFile=check.html
has check.html "<td>second</td>"
expect 1 "$mirin" check garbage.onnx
expect 2 "$mirin" check none.onnx
expect 2 "$mirin" check
expect 2 "$mirin" check report.html
expect 2 "$mirin" check mlp.onnx --frm=ONNX
expect 2 "$mirin" check secret.mindir
expect 0 "$mirin" check secret.mindir --decryptKey=30313233343536373839414243444546

# -- mirin diff
expect 0 "$mirin" diff mlp.onnx mlp.mindir
has out "3 values compared, 0 bad; 0 only in A, 0 only in B"
has out "xw"
expect 0 "$mirin" diff mlp.mindir again.mindir
expect 1 "$mirin" diff changed.onnx mlp.mindir
has out "first bad: 'xw'"
expect 1 "$mirin" diff changed.onnx mlp.mindir --report=json
has out '"first_bad": "xw"'
expect 0 "$mirin" diff mlp.onnx secret.mindir --decryptKey=30313233343536373839414243444546
expect 2 "$mirin" diff mlp.onnx
expect 2 "$mirin" diff mlp.onnx none.mindir
expect 2 "$mirin" diff mlp.onnx mlp.mindir --inputs none.npz
expect 2 "$mirin" diff mlp.onnx mlp.mindir --reference=onnxruntime --python=no_such_python
has err "no_such_python"
if python3 -c 'import numpy, onnxruntime' 2> /dev/null; then
  expect 0 "$mirin" diff mlp.onnx mlp.mindir --reference=onnxruntime
  has out "3 values compared, 0 bad"
  expect 1 "$mirin" diff changed.onnx mlp.mindir --reference=onnxruntime
  has out "first bad: 'xw'"
else
  echo "skipped: ONNX Runtime as reference (python3 has no onnxruntime)"
fi

# -- benchmark
printf 'y 2 2 3\n0 11 0 8 23 0\n' > expected.txt
printf '\0\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40\0\0\xa0\x40\0\0\xc0\x40\0\0\xe0\x40' > numbers.bin
expect 0 "$benchmark" --modelFile=mlp.mindir --inDataFile=numbers.bin --loopCount=2 --warmUpLoopCount=1 --benchmarkDataFile=expected.txt --cosineDistanceThreshold=0.99
for line in "ModelPath = mlp.mindir" "PrepareTime = " "Model = mlp.mindir, NumThreads = 2, MinRunTime = " "InData 0: 0 1 2 3 4 5 6 7" "Comparing Output data" \
  "Data of node y : 0 11 0 8 23 0" "Mean bias of node y : 0%" "Mean bias of all nodes/tensors: 0%" "Run Benchmark mlp.mindir Success."; do
  has out "$line"
done
printf 'y 2 2 3\n0 11 0 8 24 0\n' > expected.txt
expect 1 "$benchmark" --modelFile=mlp.mindir --inDataFile=numbers.bin --loopCount=1 --benchmarkDataFile=expected.txt
has err "Mean bias of all nodes/tensors is too big"
has err "Run Benchmark mlp.mindir Failed"
printf 'y 2 2 3\n0 11 0 8 24\n' > expected.txt
expect 1 "$benchmark" --modelFile=mlp.mindir --loopCount=1 --benchmarkDataFile=expected.txt
has err "line 2: has 5 values, the shape has 6"
expect 0 "$mirin" benchmark --modelFile=mlp.mindir --loopCount=1 --timeProfiling=true --inputShapes=2,4 --numThreads=1
has out "MatMul"
expect 0 "$benchmark" --modelFile=mlp.mindir --enableParallelPredict=true --parallelNum=3 --parallelTaskNum=4 --workersNum=2
has out "Requests = 12"
expect 0 "$benchmark" --modelFile=secret.mindir --loopCount=1 --decryptKey=30313233343536373839414243444546
expect 1 "$benchmark" --modelFile=secret.mindir --loopCount=1
mkdir -m 700 packed
printf '[model_cache]\ncache_dir=packed\n' > cache.cfg
expect 0 "$benchmark" --modelFile=mlp.mindir --loopCount=1 --configFile=cache.cfg
[[ -n $(find packed -name '*.weights') ]] || { echo 'FAIL: no weights in the model cache'; bad=1; }
printf '[model_cache]\nfolder=packed\n' > cache.cfg
expect 1 "$benchmark" --modelFile=mlp.mindir --loopCount=1 --configFile=cache.cfg
expect 1 "$benchmark" --modelFile=none.mindir
expect 1 "$benchmark" --modelFile=mlp.mindir --device=Ascend
expect 1 "$benchmark" --modelFile=mlp.mindir --loopCount=0
expect 1 "$benchmark" --modelFile=mlp.mindir --perfProfiling=true
has err "--timeProfiling=true has times per operator"
expect 1 "$benchmark" --modelFile=mlp.mindir --inputShapes=3,4
has err "does not fit input 'x'"
expect 1 "$benchmark"

# -- mirin
expect 0 "$mirin" version
expect 0 "$mirin" help
expect 2 "$mirin"
expect 2 "$mirin" frobnicate
has err "there is no command 'frobnicate'"
expect 0 "$mirin" load --help
has out "--rate=PER_SECOND"
expect 2 "$mirin" load http://127.0.0.1:1
has err "mirin load: --model is missing"
expect 0 "$mirin" convert --fmk=ONNX --modelFile=mlp.onnx --outputFile=last
exit $bad
