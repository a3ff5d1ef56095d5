import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { StartError } from '#platform/start-error.ts';
import { type Command, ourMesh, protoRoot, readArguments } from './command.ts';
import { graphHtml } from '../graph/graph-html.ts';
import { graphMermaid } from '../graph/graph-markdown.ts';

export const graphCommand: Command = {
  usage: '[--format mermaid|html] [--out FILE]',
  about: 'services, calls, events and what is open to the edge, as Mermaid or as a page to open in a browser',
  more: 'Mermaid unless told, and to standard output. gen/mesh has both: graph.md and graph.html.\n',
  run(args) {
    const { values, positionals } = readArguments(args, {
      format: { type: 'string', default: 'mermaid' },
      out: { type: 'string' },
    });
    if (positionals.length > 0) throw new StartError('graph takes --format and --out alone.');
    if (values.format !== 'mermaid' && values.format !== 'html')
      throw new StartError(`--format is mermaid or html, not ${values.format}.`);
    const { model } = ourMesh();
    const text = values.format === 'html' ? graphHtml(model, protoRoot) : graphMermaid(model);
    if (values.out === undefined) return { text, code: 0 };
    writeFileSync(resolve(values.out), text);
    return { text: `${values.out}\n`, code: 0 };
  },
};
