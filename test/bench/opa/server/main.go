// OPA's evaluator behind grpc-go's ext_authz server: what stands in for OPA-Envoy where that cannot be had. It takes
// OPA-Envoy's arguments and does what OPA-Envoy has to do for a check and nothing more (no decision id, no decision log,
// no metrics, no storage transaction), so it is the faster of the two, and a ratio against it is a lower bound.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net"
	"os"
	"strings"

	authz "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
)

type server struct {
	authz.UnimplementedAuthorizationServer
	query rego.PreparedEvalQuery
}

// Check gives the policy the request as protojson writes it, with the body parsed, as OPA-Envoy does.
func (s *server) Check(ctx context.Context, request *authz.CheckRequest) (*authz.CheckResponse, error) {
	text, err := protojson.Marshal(request)
	if err != nil {
		return nil, err
	}
	var input map[string]any
	if err := json.Unmarshal(text, &input); err != nil {
		return nil, err
	}
	http := request.GetAttributes().GetRequest().GetHttp()
	if strings.Contains(http.GetHeaders()["content-type"], "application/json") {
		var body any
		if err := json.Unmarshal([]byte(http.GetBody()), &body); err != nil {
			return nil, err
		}
		input["parsed_body"] = body
	}
	value, err := ast.InterfaceToValue(input)
	if err != nil {
		return nil, err
	}
	results, err := s.query.Eval(ctx, rego.EvalParsedInput(value))
	if err != nil {
		return nil, err
	}
	code := codes.PermissionDenied
	if results.Allowed() {
		code = codes.OK
	}
	return &authz.CheckResponse{Status: &status.Status{Code: int32(code)}}, nil
}

func main() {
	var socket, path string
	var policies []string
	for _, argument := range os.Args[1:] {
		if _, value, found := strings.Cut(argument, "envoy_ext_authz_grpc.addr=unix://"); found {
			socket = value
		}
		if _, value, found := strings.Cut(argument, "envoy_ext_authz_grpc.path="); found {
			path = value
		}
		if strings.HasSuffix(argument, ".rego") || strings.HasSuffix(argument, ".json") {
			policies = append(policies, argument)
		}
	}
	query := "data." + strings.ReplaceAll(path, "/", ".")
	prepared, err := rego.New(rego.Query(query), rego.Load(policies, nil)).PrepareForEval(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		log.Fatal(err)
	}
	service := grpc.NewServer()
	authz.RegisterAuthorizationServer(service, &server{query: prepared})
	log.Fatal(service.Serve(listener))
}
