package mirin_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	mirin "mirin.dev/go"
)

func Example() {
	model, err := mirin.Load("tensor_add.mindir")
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	session, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()

	x, err := mirin.NewTensor([]int{2, 2}, []float32{1, 2, 3, 4})
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := session.Run(context.Background(), x, x)
	if err != nil {
		log.Fatal(err)
	}
	sum, err := mirin.Data[float32](outputs[0])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outputs[0], sum)
	// Output: float32[2 2] [2 4 6 8]
}

func ExampleLoad_encrypted() {
	file := "tensor_add_gcm.mindir"
	_, err := mirin.Load(file)
	fmt.Println(errors.Is(err, mirin.FailedPrecondition))

	model, err := mirin.Load(file, mirin.WithKey([]byte("asdfasdfasdfasgwegw12310")))
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	fmt.Println(len(model.Inputs()), "inputs")
	// Output:
	// true
	// 2 inputs
}

func ExamplePool_Run() {
	model, err := mirin.Load("tensor_add.mindir")
	if err != nil {
		log.Fatal(err)
	}
	pool, err := model.NewPool(&mirin.PoolOptions{Workers: 2})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	// Any number of goroutines may do this.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	x, err := mirin.NewTensor([]int{2, 2}, []float32{1, 2, 3, 4})
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := pool.Run(ctx, x, x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outputs)
	// Output: [float32[2 2]]
}

func ExampleModel_Reshape() {
	one, err := mirin.Load("tensor_add.mindir") // takes [2 2] only
	if err != nil {
		log.Fatal(err)
	}
	model, err := one.Reshape([]int{-1, 2}, []int{-1, 2})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	one.Close()
	fmt.Println(model.Outputs()[0].Shape)

	session, err := model.NewSession(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer session.Close()
	x, err := mirin.NewTensor([]int{3, 2}, []float32{1, 2, 3, 4, 5, 6})
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := session.Run(context.Background(), x, x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(outputs)
	// Output:
	// [-1 2]
	// [float32[3 2]]
}

func ExampleError() {
	_, err := mirin.Load("none.mindir")
	var e *mirin.Error
	if errors.As(err, &e) {
		fmt.Println(e.Code)
	}
	// Output: NOT_FOUND
}

func ExampleServer() {
	// [START serve]
	server, err := mirin.NewServer(map[string]string{"max_queue": "1000"})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	if err := server.Add(mirin.Servable{Directory: "servables", Name: "add"}); err != nil {
		log.Fatal(err)
	}
	port, err := server.ListenHTTP("127.0.0.1:0", nil) // 0: a free port
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on port", port)
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	_ = server.Wait(interrupted)
	_ = server.Stop(30 * time.Second) // answers what is in progress
	// [END serve]
}
