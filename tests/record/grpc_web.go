// SPDX-License-Identifier: Apache-2.0

// A server of shop.Orders that speaks gRPC-Web over HTTP/1.1 and, without TLS, over HTTP/2; and a client for the latter:
//
//	grpc_web serve ADDRESS:PORT
//	grpc_web calls ADDRESS:PORT
//
// Built with github.com/improbable-eng/grpc-web v0.15.0, google.golang.org/grpc v1.60.0, golang.org/x/net v0.30.0.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/improbable-eng/grpc-web/go/grpcweb"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Messages are bytes.
type raw struct{}

func (raw) Marshal(v interface{}) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(b []byte, v interface{}) error {
	*v.(*[]byte) = append([]byte(nil), b...)
	return nil
}
func (raw) Name() string { return "raw" }

func orders(_ interface{}, stream grpc.ServerStream) error {
	var request []byte
	name, _ := grpc.MethodFromServerStream(stream)
	if err := stream.RecvMsg(&request); err != nil {
		return err
	}
	switch name {
	case "/shop.Orders/Get":
		if string(request) == "nothing" {
			return status.Error(codes.NotFound, "no such order: 100 %, süß")
		}
		answer := append([]byte("order "), request...)
		return stream.SendMsg(&answer)
	case "/shop.Orders/List":
		for i := 0; i < 5; i++ {
			answer := []byte(fmt.Sprintf("order %d %s", i, bytes.Repeat([]byte("x"), i*300)))
			if err := stream.SendMsg(&answer); err != nil {
				return err
			}
			time.Sleep(5 * time.Millisecond)
		}
		return status.Error(codes.DataLoss, "there were more")
	}
	return status.Error(codes.Unimplemented, "no such method")
}

func serve(address string) error {
	server := grpc.NewServer(grpc.UnknownServiceHandler(orders), grpc.ForceServerCodec(raw{}))
	web := grpcweb.WrapServer(server)
	return http.ListenAndServe(address, h2c.NewHandler(web, &http2.Server{}))
}

func call(client *http.Client, address, method, kind string, messages ...string) error {
	var body bytes.Buffer
	for _, m := range messages {
		body.Write([]byte{0, 0, 0, byte(len(m) >> 8), byte(len(m))})
		body.WriteString(m)
	}
	sent := body.Bytes()
	if kind == "application/grpc-web-text" {
		sent = []byte(base64.StdEncoding.EncodeToString(sent))
	}
	request, err := http.NewRequest("POST", "http://"+address+"/shop.Orders/"+method, bytes.NewReader(sent))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", kind)
	request.Header.Set("X-Grpc-Web", "1")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

func calls(address string) error {
	client := &http.Client{Transport: &http2.Transport{
		AllowHTTP: true,
		DialTLS:   func(network, a string, _ *tls.Config) (net.Conn, error) { return net.Dial(network, a) },
	}}
	for _, kind := range []string{"application/grpc-web-text", "application/grpc-web+proto"} {
		for _, c := range [][]string{{"Get", "1"}, {"Get", "nothing"}, {"List", "all"}, {"None", "x"}} {
			if err := call(client, address, c[0], kind, c[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func main() {
	what := map[string]func(string) error{"serve": serve, "calls": calls}[os.Args[1]]
	if err := what(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
