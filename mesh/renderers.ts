import { renderEnvoy } from './envoy.ts';
import { renderGrpcConfig } from './grpc-config.ts';
import { renderInProcess } from './in-process.ts';
import { renderIstio } from './istio.ts';
import { renderKubernetes } from './kubernetes.ts';
import type { MeshModel } from './model.ts';
import { renderGraph } from './render-graph.ts';
import { renderRabbitmq } from './rabbitmq.ts';
import type { Rendered, Renderer, RenderSettings } from './render.ts';
import { renderTypedClients } from './typed-clients.ts';

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
