import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DescFile } from '@bufbuild/protobuf';
import { createEcmaScriptPlugin, runNodeJs } from '@bufbuild/protoplugin';
import { findingText } from './contracts/finding.ts';
import { lint } from './lint/lint.ts';
import { createModel, type MeshModel } from './model.ts';
import type { RenderSettings } from './render.ts';
import { renderAll } from './renderers.ts';
import { rolesIn } from './roles.ts';

/** What holds for a project that says nothing else. */
const defaults: RenderSettings = {
  protoRoot: 'proto',
  stubs: '../ts',
  local: { trustDomain: 'mesh.local', namespace: 'default' },
  kubernetes: { trustDomain: 'cluster.local', namespace: 'default' },
  tokens: { issuer: 'mesh', audience: 'mesh', rolesClaim: 'roles' },
  edge: { pages: [], keys: '/.well-known/jwks.json' },
  ingress: {
    namespace: 'istio-ingress',
    serviceAccount: 'istio-ingress',
    labels: { istio: 'ingress' },
    hosts: ['*'],
    tlsSecret: 'edge-tls',
  },
  portOf: () => 50_051,
};

let settings = defaults;

/**
 * protoc-gen-mesh: renders every plane from the options of only2u/mesh/v1/policy.proto, for any project's contracts. Its one
 * argument, if there is one, is the path of a module that exports `settings`, a part of RenderSettings:
 * `local: ['node', '…/mesh/plugin-mesh.ts', 'settings.ts']` with `strategy: all` and `opt: target=ts`. What the contracts say wrongly
 * (lint.ts) is an error, and nothing is rendered.
 */
const plugin = createEcmaScriptPlugin({
  name: 'protoc-gen-mesh',
  version: 'v1',
  generateTs(schema) {
    const model = createModel(schema.files);
    const findings = lint({ model, files: schema.files, roles: rolesOf(model, schema.files) });
    // Rendering what is said wrongly would give a mesh that is wrong.
    if (findings.length > 0)
      throw new Error(findings.map((each) => `\n${findingText(each, settings.protoRoot)}`).join(''));
    for (const { path, text } of renderAll(model, settings)) {
      schema.generateFile(path).print(text.replace(/\n$/, ''));
    }
  },
});

/** Without an enum of them, roles are whatever the contracts name. */
function rolesOf({ methods }: MeshModel, files: readonly DescFile[]): readonly string[] {
  const { rolesEnum } = settings;
  return rolesEnum === undefined ? methods.flatMap(({ policy }) => policy.roles) : rolesIn(files, rolesEnum);
}

const [path] = process.argv.splice(2); // protoplugin takes none
if (path !== undefined) {
  const loaded: unknown = await import(pathToFileURL(resolve(path)).href);
  if (!isSettings(loaded)) throw new Error(`${path} exports no settings`);
  settings = { ...defaults, ...loaded.settings };
}
runNodeJs(plugin);

function isSettings(loaded: unknown): loaded is { readonly settings: Partial<RenderSettings> } {
  return typeof loaded === 'object' && loaded !== null && 'settings' in loaded && typeof loaded.settings === 'object';
}
