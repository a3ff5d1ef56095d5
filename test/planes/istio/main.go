// Command istio tells what istiod would give sidecars for some YAML: Istio's own code, without a cluster. It reads the YAML from its standard
// input, and writes a JSON object with the inbound listener of each workload, and the routes that any of them calls the others by:
//
//	istio TRUST_DOMAIN NAMESPACE WORKLOAD:PORT… <policies.yaml
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/protocol"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/test"
	"istio.io/istio/pkg/util/protomarshal"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(trustDomain, namespace string, workloads []string) error {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel) // they go to the standard output, where the answer goes; what fails is said by an error
	}
	policies, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	config := mesh.DefaultMeshConfig()
	config.TrustDomain = trustDomain
	out := answer{Listeners: map[string]json.RawMessage{}}
	var services []*model.Service
	var names []string
	for _, workload := range workloads {
		name, port, _ := strings.Cut(workload, ":")
		number, err := strconv.Atoi(port)
		if err != nil {
			return err
		}
		names = append(names, name)
		services = append(services, serviceOf(name, namespace, number))
	}
	err = test.Wrap(func(t test.Failer) {
		istiod := core.NewConfigGenTest(t, core.TestOptions{ConfigString: string(policies), MeshConfig: config, Services: services})
		write := func(message proto.Message) json.RawMessage {
			text, err := protomarshal.Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		var proxy *model.Proxy
		for _, workload := range names {
			labels := map[string]string{"app": workload}
			proxy = istiod.SetupProxy(&model.Proxy{
				Type:            model.SidecarProxy,
				ID:              workload + "." + namespace,
				ConfigNamespace: namespace,
				IPAddresses:     []string{"10.0.0.1"},
				Labels:          labels,
				Metadata:        &model.NodeMetadata{Namespace: namespace, Labels: labels},
			})
			for _, listener := range istiod.Listeners(proxy) {
				if listener.Name != "virtualInbound" {
					continue
				}
				out.Listeners[workload] = write(listener)
			}
		}
		for _, route := range istiod.Routes(proxy) {
			out.Routes = append(out.Routes, write(route))
		}
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

type answer struct {
	Listeners map[string]json.RawMessage `json:"listeners"`
	Routes    []json.RawMessage          `json:"routes"`
}

func serviceOf(name, namespace string, port int) *model.Service {
	return &model.Service{
		Hostname:       host.Name(name + "." + namespace + ".svc.cluster.local"),
		DefaultAddress: "10.1.0.1",
		Ports:          model.PortList{{Name: "grpc", Port: port, Protocol: protocol.GRPC}},
		Attributes:     model.ServiceAttributes{Name: name, Namespace: namespace, ServiceRegistry: provider.Kubernetes},
	}
}
