import { readFileSync } from 'node:fs';
import { createEcmaScriptPlugin, runNodeJs } from '@bufbuild/protoplugin';
import { createModel } from '../model.ts';
import { openApi } from './openapi.ts';

/** Writes openapi.json: what the contracts open to the edge. */
const plugin = createEcmaScriptPlugin({
  name: 'only2u-openapi',
  version: 'v1',
  generateTs(schema) {
    const services = schema.files.flatMap((file) => file.services).sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
    const document = openApi(services, createModel(schema.files), projectVersion());
    schema.generateFile('openapi.json').print(JSON.stringify(document, null, 2));
  },
});

function projectVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest) return String(manifest.version);
  throw new Error('package.json has no version.');
}

runNodeJs(plugin);
