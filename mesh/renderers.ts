import { renderEnvoy } from './envoy/envoy.ts';
import { renderGrpcConfig } from './planes/grpc-config.ts';
import { renderInProcess } from './planes/in-process.ts';
import { renderIstio } from './istio/istio.ts';
import { renderKubernetes } from './istio/kubernetes.ts';
import type { MeshModel } from './model.ts';
import { renderGraph } from './graph/render-graph.ts';
import { renderRabbitmq } from './planes/rabbitmq.ts';
import type { Rendered, Renderer, RenderSettings } from './render.ts';
import { renderTypedClients } from './planes/typed-clients.ts';

/** Every plane. */
const renderers: readonly Renderer[] = [
  renderInProcess,
  renderTypedClients,
  renderGraph,
  renderGrpcConfig,
  renderRabbitmq,
  renderIstio,
  renderKubernetes,
  (model, settings) => renderEnvoy(model, settings),
];

/** All files of gen/mesh. */
export function renderAll(model: MeshModel, settings: RenderSettings): readonly Rendered[] {
  return renderers.flatMap((render) => render(model, settings));
}
