import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { writingTogether } from '#platform/identity/certificate.ts';
import { openDevelopmentAuthority } from '#platform/identity/development-authority.ts';
import { localMesh, spiffeIdOf } from '#platform/identity/spiffe.ts';

/** Writes a client certificate of a workload for programs that aren't the shop's own, such as grpcurl. */
async function main(workload: string): Promise<void> {
  const data = resolve(process.env['ONLY2U_DATA'] ?? '.data');
  const now = new Date();
  const { ca, cert, key } = await writingTogether(async () => {
    const authority = await openDevelopmentAuthority(data, now);
    return {
      ca: authority.ca,
      ...(await authority.issue({ workload, spiffeId: spiffeIdOf(localMesh, workload), now })),
    };
  });
  const folder = join(data, 'identity', workload);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries({ ca, cert, key })) {
    await writeFile(join(folder, `${name}.pem`), text, { mode: 0o600 });
  }
  const near = relative('', folder);
  const shown = near.startsWith('..') ? folder : near;
  console.log(`${shown}/{ca,cert,key}.pem say ${spiffeIdOf(localMesh, workload)} until tomorrow.`);
  console.log(`grpcurl -cacert ${shown}/ca.pem -cert ${shown}/cert.pem -key ${shown}/key.pem 127.0.0.1:50052 list`);
}

const [workload, ...rest] = process.argv.slice(2);
if (workload === undefined || rest.length > 0 || !/^[a-z][a-z0-9-]*$/.test(workload)) {
  console.error('Usage: npm run certificate -- WORKLOAD, such as operator');
  process.exitCode = 1;
} else {
  await main(workload);
}
