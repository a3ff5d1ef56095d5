import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { benchCatalog } from './catalog.ts';
import { benchCheckout, benchCheckoutFlat } from './checkout.ts';
import { postLoad } from './load.ts';
import { benchEngines, enginesParts } from './engines/all.ts';
import { benchPlanes } from './planes.ts';
import { printHeader, printRow, type Row } from './row.ts';
import { benchRpc } from './rpc.ts';

const help = `Usage: npm run bench [-- rpc|echo|planes|catalog|checkout|checkout-flat …]
       npm run bench -- engines [${enginesParts.join('|')} …]

Measures the named parts, or all of them but checkout-flat (which fills a shop with a million orders), in one run. Servers run on one core and their callers on another; a figure is only
worth something beside the others of its run. BENCH_SECONDS (5) is how long each is measured.

engines: what the ports cost through their adapters on the engines that run (npm run engines -- up), beside their bare drivers and what the shop stands on by itself, by turns in one process. Each
figure takes BENCH_SECONDS (2). log fills threads of BENCH_ENTRIES (1000000) messages, which takes minutes; search takes BENCH_SIZES (1000,100000) products.
`;

const parts: Readonly<Record<string, (report: (row: Row) => void) => Promise<void>>> = {
  rpc: async (report) => {
    for (const { kind, ...row } of await benchRpc()) report({ name: `rpc: ${kind}`, ...row });
  },
  echo: benchConnectEcho,
  planes: benchPlanes,
  catalog: benchCatalog,
  checkout: benchCheckout,
  'checkout-flat': benchCheckoutFlat,
};

const chosen = process.argv.slice(2);
if (chosen.includes('--help')) console.log(help);
else {
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}\n`,
  );
  if (chosen[0] === 'engines') await benchEngines(chosen.slice(1), Number(process.env['BENCH_SECONDS'] ?? 2));
  else await benchParts();
}

async function benchParts(): Promise<void> {
  printHeader();
  for (const [name, bench] of Object.entries(parts)) {
    if (chosen.length === 0 ? name !== 'checkout-flat' : chosen.includes(name)) await bench(printRow);
  }
}

/** connect-node alone: a Connect server over HTTP/1.1 that answers a product as JSON and does nothing else. */
async function benchConnectEcho(report: (row: Row) => void): Promise<void> {
  const port = 18_790;
  const server = spawn('taskset', ['-c', '0', process.execPath, 'bench/connect-echo.ts', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    for await (const line of createInterface({ input: server.stdout })) if (line.includes('is ready')) break;
    const load = await postLoad({
      url: `http://127.0.0.1:${port}/only2u.product.v1.ProductService/GetProduct`,
      bodies: [{ handle: 'handloom-cotton-shirt' }],
      connections: 16,
      seconds: Number(process.env['BENCH_SECONDS'] ?? 5),
      pids: server.pid === undefined ? [] : [server.pid],
    });
    report({ name: 'bare Connect echo, HTTP/1.1, JSON', ...load });
  } finally {
    server.kill('SIGTERM');
    if (server.exitCode === null) await once(server, 'exit');
  }
}
