// Command istio tells what istiod would give sidecars for some YAML: Istio's own code, without a cluster. It reads the YAML from its standard
// input, and writes a JSON object with the inbound listener of each pod:
//
//	istio TRUST_DOMAIN NAMESPACE WORKLOAD… <policies.yaml
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pkg/config/mesh"
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
		scope.SetOutputLevel(log.ErrorLevel)
	}
	policies, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	config := mesh.DefaultMeshConfig()
	config.TrustDomain = trustDomain
	listeners := map[string]json.RawMessage{}
	err = test.Wrap(func(t test.Failer) {
		istiod := core.NewConfigGenTest(t, core.TestOptions{ConfigString: string(policies), MeshConfig: config})
		for _, workload := range workloads {
			labels := map[string]string{"app": workload}
			proxy := istiod.SetupProxy(&model.Proxy{
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
				text, err := protomarshal.Marshal(listener)
				if err != nil {
					t.Fatal(err)
				}
				listeners[workload] = text
			}
		}
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(listeners)
}
