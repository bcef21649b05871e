// What Istio makes of Gateways, routes and EnvoyFilters for the proxy of one gateway: the listeners, routes, clusters and
// endpoints that istiod would send it, by the code of istiod itself. As there is no istiod offline, it is what
// `egctl x translate` is for Envoy Gateway.
//
// Standard input: the objects, among them the Deployment of the gateway, whose namespace, labels and annotations are the
// proxy's. First argument: a file with the mesh configuration.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/xds/endpoints"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/test"
)

type translation struct {
	Listeners []json.RawMessage `json:"listeners"`
	Routes    []json.RawMessage `json:"routes"`
	Clusters  []json.RawMessage `json:"clusters"`
	Endpoints []json.RawMessage `json:"endpoints"`
}

// Of a Deployment, what becomes of its pods' proxies.
type workload struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec struct {
		Template struct {
			Metadata struct {
				Labels      map[string]string `json:"labels"`
				Annotations map[string]string `json:"annotations"`
			} `json:"metadata"`
		} `json:"template"`
	} `json:"spec"`
}

func main() {
	options := log.DefaultOptions()
	options.OutputPaths = []string{"stderr"}
	if err := log.Configure(options); err != nil {
		panic(err)
	}
	if err := test.Wrap(run); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(t test.Failer) {
	objects := must(io.ReadAll(os.Stdin))(t)
	meshConfig := must(mesh.ApplyMeshConfigDefaults(string(must(os.ReadFile(os.Args[1]))(t))))(t)
	generator := core.NewConfigGenTest(t, core.TestOptions{ConfigString: string(objects), MeshConfig: meshConfig})
	gateway := deploymentIn(t, string(objects))
	pod := gateway.Spec.Template.Metadata
	own := must(mesh.ApplyProxyConfig(pod.Annotations["proxy.istio.io/config"], meshConfig))(t)
	proxy := generator.SetupProxy(&model.Proxy{
		Type:            model.Router,
		ConfigNamespace: gateway.Metadata.Namespace,
		Labels:          pod.Labels,
		Metadata: &model.NodeMetadata{
			IstioVersion: "1.31.0",
			Namespace:    gateway.Metadata.Namespace,
			Labels:       pod.Labels,
			Annotations:  pod.Annotations,
			ProxyConfig:  (*model.NodeMetaProxyConfig)(own.DefaultConfig),
		},
	})
	clusters := generator.Clusters(proxy)
	result := translation{
		Listeners: messages(t, generator.Listeners(proxy)),
		Routes:    messages(t, generator.Routes(proxy)),
		Clusters:  messages(t, clusters),
		Endpoints: []json.RawMessage{},
	}
	for _, cluster := range clusters {
		if cluster.GetEdsClusterConfig() != nil {
			builder := endpoints.NewEndpointBuilder(cluster.Name, proxy, generator.PushContext())
			result.Endpoints = append(result.Endpoints,
				message(t, builder.BuildClusterLoadAssignment(generator.Env().EndpointIndex)))
		}
	}
	fmt.Println(string(must(json.Marshal(result))(t)))
}

func deploymentIn(t test.Failer, objects string) workload {
	for _, document := range strings.Split(objects, "\n---\n") {
		var found workload
		if err := yaml.Unmarshal([]byte(document), &found); err != nil {
			t.Fatal(err)
		}
		if found.Kind == "Deployment" {
			return found
		}
	}
	t.Fatal("there is no Deployment of a gateway")
	return workload{}
}

func messages[Message proto.Message](t test.Failer, all []Message) []json.RawMessage {
	printed := []json.RawMessage{}
	for _, each := range all {
		printed = append(printed, message(t, each))
	}
	return printed
}

func message(t test.Failer, each proto.Message) json.RawMessage {
	return must(protojson.Marshal(each))(t)
}

func must[Value any](value Value, err error) func(test.Failer) Value {
	return func(t test.Failer) Value {
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
