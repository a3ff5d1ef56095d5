import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '..');
const folders: string[] = [];

afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** Another project: a zoo with workloads, an edge and roles of its own, which shares nothing with the shop but the options. */
const zoo = {
  'proto/zoo/v1/workloads.proto': `syntax = "proto3";
package zoo.v1;
import "only2u/mesh/v1/policy.proto";
option (only2u.mesh.v1.mesh) = {
  workloads: {name: "turnstile" kind: KIND_EDGE}
  workloads: {name: "keeper" kind: KIND_CLIENT}
};
`,
  'proto/zoo/v1/lion.proto': `syntax = "proto3";
package zoo.v1;
import "only2u/mesh/v1/policy.proto";
service LionService {
  option (only2u.mesh.v1.service) = {workload: "lions"};
  rpc WatchLion(WatchLionRequest) returns (WatchLionResponse) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (only2u.mesh.v1.method) = {
      callers: ["turnstile"]
      access: ACCESS_PUBLIC
      timeout: {seconds: 2}
      rate_limits: {scope: SCOPE_ADDRESS requests: 10 window: {seconds: 1}}
    };
  }
  rpc FeedLion(FeedLionRequest) returns (FeedLionResponse) {
    option idempotency_level = IDEMPOTENT;
    option (only2u.mesh.v1.method) = {
      callers: ["keeper"]
      access: ACCESS_ROLES
      roles: ["brave"]
      timeout: {seconds: 5}
    };
  }
}
message WatchLionRequest {}
message WatchLionResponse {}
message FeedLionRequest {}
message FeedLionResponse {}
`,
  'proto/zoo/v1/kitchen.proto': `syntax = "proto3";
package zoo.v1;
import "only2u/mesh/v1/policy.proto";
service KitchenService {
  option (only2u.mesh.v1.service) = {workload: "kitchen"};
  rpc CutMeat(CutMeatRequest) returns (CutMeatResponse) {
    option idempotency_level = IDEMPOTENCY_UNKNOWN;
    option (only2u.mesh.v1.method) = {
      callers: ["lions"]
      access: ACCESS_INTERNAL
      timeout: {seconds: 3}
    };
  }
}
message CutMeatRequest {}
message CutMeatResponse {}
message MeatCut {
  option (only2u.mesh.v1.event) = {publisher: "kitchen" subscribers: ["lions"]};
}
`,
  'buf.yaml': 'version: v2\nmodules:\n  - path: proto\n',
  'buf.gen.yaml': `version: v2
plugins:
  - local: ['${process.execPath}', '${join(root, 'mesh/plugin-mesh.ts')}', 'settings.ts']
    out: mesh
    strategy: all
    opt: target=ts
`,
  'settings.ts': `export const settings = {
  local: { trustDomain: 'zoo.local', namespace: 'zoo' },
  kubernetes: { trustDomain: 'zoo.example', namespace: 'zoo' },
  portOf: (workload: string) => 7000 + workload.length,
};
`,
};

function generate(changed: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'only2u-zoo-'));
  folders.push(folder);
  for (const [path, text] of Object.entries({ ...zoo, ...changed })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  cpSync(join(root, 'proto/only2u/mesh/v1/policy.proto'), join(folder, 'proto/only2u/mesh/v1/policy.proto'), {
    recursive: true,
  });
  const buf = join(root, 'node_modules/.bin/buf');
  const { status, stderr } = spawnSync(buf, ['generate'], { cwd: folder, encoding: 'utf8' });
  return { status, stderr, out: join(folder, 'mesh') };
}

test('another project’s contracts are rendered for every plane, by its own names', () => {
  const { status, stderr, out } = generate();
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(readdirSync(out).sort()).toEqual(readdirSync(join(root, 'gen/mesh')).sort());
  const texts = readdirSync(out, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
  expect(texts).toContain('spiffe://zoo.local/ns/zoo/sa/lions');
  expect(texts).toContain('zoo.example/ns/zoo/sa/lions');
  expect(texts).toContain('/zoo.v1.KitchenService/CutMeat');
  expect(texts).not.toMatch(/only2u\.(local|cart)|sa\/gateway/);
});

test('what its contracts say wrongly is told with its place, and nothing is rendered', () => {
  const lion = zoo['proto/zoo/v1/lion.proto'].replace('["keeper"]', '["keeepr"]').replace('timeout: {seconds: 5}', '');
  const { status, stderr, out } = generate({ 'proto/zoo/v1/lion.proto': lion });
  expect(status).not.toBe(0);
  expect(stderr).toContain(
    'proto/zoo/v1/lion.proto:18 unknown-caller: zoo.v1.LionService/FeedLion is granted to keeepr, a workload that nobody knows: did you mean keeper?',
  );
  expect(stderr).toContain('timeout: zoo.v1.LionService/FeedLion has no timeout');
  expect(stderr).not.toContain('    at '); // no stack: nobody’s code is at fault
  expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
});
