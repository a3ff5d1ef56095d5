import { graphHtml } from './graph-html.ts';
import { graphMarkdown } from './graph-markdown.ts';
import type { Renderer } from '../render.ts';

/** The plane for people: who calls whom, as a page with Mermaid and as one to open in a browser. */
export const renderGraph: Renderer = (model, { protoRoot }) => [
  { path: 'graph.md', text: graphMarkdown(model, protoRoot) },
  { path: 'graph.html', text: graphHtml(model, protoRoot) },
];
