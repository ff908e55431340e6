/**
 * A tree as a Mermaid flowchart. Forks and their joins are drawn as two nodes, routes as diamonds, and loops, maps
 * and child flows as frames around their bodies.
 */
import type { ForkNode, Node, RouteNode, Sequence, Tree } from './tree.js';

/** An edge that still looks for its target. */
interface Loose {
  readonly from: string;
  readonly label?: string;
}

export function toMermaid(tree: Tree): string {
  const chart = new Chart();
  const start = chart.node(`([${quoted(tree.name)}])`);
  const ends = chart.sequence(tree.root, [{ from: start }]);
  chart.connect(ends, chart.node('(["end"])'));
  return `flowchart TD\n${chart.lines.join('\n')}\n`;
}

class Chart {
  readonly lines: string[] = [];
  #indent = '  ';
  #count = 0;

  /** Draws the nodes one after the other; returns what leaves the last. */
  sequence(nodes: Sequence, incoming: readonly Loose[]): readonly Loose[] {
    return nodes.reduce<readonly Loose[]>((loose, node) => this.#draw(node, loose), incoming);
  }

  #draw(node: Node, incoming: readonly Loose[]): readonly Loose[] {
    switch (node.kind) {
      case 'task':
        return this.#single(`[${quoted(node.id)}]`, incoming);
      case 'delay':
        return this.#single(`[/${quoted(`${node.id}: ${node.durationMs} ms`)}/]`, incoming);
      case 'signal':
        return this.#single(`>${quoted(waiting(node))}]`, incoming);
      case 'fork':
        return this.#fork(node, incoming);
      case 'route':
        return this.#route(node, incoming);
      case 'loop':
        return this.#frame(`loop ${node.id}, at most ${node.maxIterations}`, node.body, incoming, 'again');
      case 'map':
        return this.#frame(`map ${node.id}, for each`, node.body, incoming);
      case 'child':
        return this.#frame(`flow ${node.id}`, node.body, incoming);
    }
  }

  #single(shape: string, incoming: readonly Loose[]): readonly Loose[] {
    const name = this.node(shape);
    this.connect(incoming, name);
    return [{ from: name }];
  }

  #fork({ id, branches }: ForkNode, incoming: readonly Loose[]): readonly Loose[] {
    const fork = this.node('{{"fork"}}');
    this.connect(incoming, fork);
    const ends = branches.flatMap(({ name, body }) => this.sequence(body, [{ from: fork, label: name }]));
    const join = this.node(`{{${quoted(id)}}}`);
    this.connect(ends, join);
    return [{ from: join }];
  }

  #route({ id, branches, otherwise }: RouteNode, incoming: readonly Loose[]): readonly Loose[] {
    const route = this.node(`{${quoted(id)}}`);
    this.connect(incoming, route);
    const ends = branches.flatMap(({ key, body }) => this.sequence(body, [{ from: route, label: key }]));
    return otherwise === undefined ? ends : [...ends, ...this.sequence(otherwise, [{ from: route, label: 'default' }])];
  }

  /** A body in a frame; `again` labels the edge from its end back to its start. */
  #frame(title: string, body: Sequence, incoming: readonly Loose[], again?: string): readonly Loose[] {
    const frame = `f${this.#count++}`;
    this.#line(`subgraph ${frame}[${quoted(title)}]`);
    const outside = this.#indent;
    this.#indent += '  ';
    const head = this.node('((" "))');
    const ends = this.sequence(body, [{ from: head }]);
    if (again !== undefined) for (const { from } of ends) this.#line(`${from} -.->|${quoted(again)}| ${head}`);
    this.#indent = outside;
    this.#line('end');
    this.connect(incoming, head);
    return ends;
  }

  /** Draws one node; returns its name in the chart. */
  node(shape: string): string {
    const name = `n${this.#count++}`;
    this.#line(`${name}${shape}`);
    return name;
  }

  connect(loose: readonly Loose[], to: string): void {
    for (const { from, label } of loose)
      this.#line(`${from} -->${label === undefined ? '' : `|${quoted(label)}|`} ${to}`);
  }

  #line(text: string): void {
    this.lines.push(this.#indent + text);
  }
}

function waiting({ id, signal, timeoutMs }: Extract<Node, { kind: 'signal' }>): string {
  const name = id === signal ? signal : `${id}: ${signal}`;
  return timeoutMs === undefined ? `signal ${name}` : `signal ${name}, at most ${timeoutMs} ms`;
}

// Ids may hold `#`, which begins a character reference in Mermaid.
function quoted(text: string): string {
  return `"${text.replaceAll('#', '#35;').replaceAll('"', '#quot;')}"`;
}
