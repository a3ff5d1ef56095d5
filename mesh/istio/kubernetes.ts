import type { Manifest } from './names.ts';
import { networkPolicyOf, networkPolicies } from './network-policy.ts';
import type { Renderer } from '../render.ts';
import { sourceText } from '../source.ts';
import { inline, yamlFile } from '../yaml.ts';

/**
 * The plane of Kubernetes itself, a file a workload: who it is, under which name it is reached, and who may open a connection. Pods wear
 * the label "app" with the workload's name and run as the service account of that name; the namespace is made by whoever installs.
 */
export const renderKubernetes: Renderer = (model, settings) => {
  const { namespace } = settings.kubernetes;

  function serviceAccount(name: string): Manifest {
    return {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: inline({ name, namespace }),
      automountServiceAccountToken: false, // nobody here asks Kubernetes anything
    };
  }

  function service(name: string, protocol: 'grpc' | 'http'): Manifest {
    const port = settings.portOf(name);
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels: inline({ app: name }) },
      spec: {
        selector: inline({ app: name }),
        ports: [{ name: protocol, port, targetPort: port, appProtocol: protocol }],
      },
    };
  }

  return [
    {
      path: 'kubernetes/mesh.yaml',
      text: yamlFile(
        'What holds for every pod of the namespace. From the contracts: npm run generate.',
        networkPolicies(model, settings),
      ),
    },
    ...model.workloads.map(({ name, kind, source }) => ({
      path: `kubernetes/${name}.yaml`,
      text: yamlFile(`${name}: ${sourceText(source, settings.protoRoot)}. From the contracts: npm run generate.`, [
        serviceAccount(name),
        ...(kind === 'client' ? [] : [service(name, kind === 'edge' ? 'http' : 'grpc')]),
        networkPolicyOf(model, settings, name),
      ]),
    })),
  ];
};
