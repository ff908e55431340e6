/** A machine, drawn by Mermaid from its own definition, with the states that it is in. */
import mermaid from './mermaid.js';

mermaid.initialize({
  startOnLoad: false,
  securityLevel: 'strict',
  theme: 'base',
  htmlLabels: false,
  fontFamily: 'system-ui, sans-serif',
  themeVariables: { fontSize: '12px' },
  state: { nodeSpacing: 36, rankSpacing: 26, padding: 6 },
});

export class Diagram {
  #element;
  #charts;
  #drawn = new Map();
  #machine;
  #marked = '';
  #fit = false;

  /** @param charts Mermaid text by the id of a machine */
  constructor(element, charts) {
    this.#element = element;
    this.#charts = charts;
  }

  /** Draws the machine where it isn't drawn yet, and marks the states; follows them when they change. */
  async show(machine, states) {
    if (machine !== this.#machine) await this.#draw(machine);
    // Another one may have been asked for while this one was drawn.
    if (machine !== this.#machine || this.#marked === states.join()) return;
    this.#marked = states.join();
    this.#mark(states);
    this.#follow();
  }

  /** Whole, or in its own size. */
  set fit(fit) {
    this.#fit = fit;
    this.#scale();
    this.#follow();
  }

  source(machine) {
    return this.#charts[machine] ?? '';
  }

  async #draw(machine) {
    this.#machine = machine;
    this.#marked = '';
    const svg = await this.#svgOf(machine);
    if (machine !== this.#machine) return;
    this.#element.replaceChildren(svg);
    this.#scale();
  }

  async #svgOf(machine) {
    const chart = this.#charts[machine];
    if (chart === undefined) return document.createTextNode(`No drawing of a machine ${machine} here.`);
    if (!this.#drawn.has(machine)) this.#drawn.set(machine, render(machine, chart));
    return this.#drawn.get(machine);
  }

  #scale() {
    const svg = this.#element.querySelector('svg');
    if (svg === null) return;
    const { width, height } = svg.viewBox.baseVal;
    const room = { width: this.#element.clientWidth - 24, height: this.#element.clientHeight - 24 };
    const scale = this.#fit ? Math.min(1, room.width / width, room.height / height) : 1;
    svg.style.cssText = `width: ${width * scale}px; height: ${height * scale}px; max-width: none`;
  }

  #mark(states) {
    for (const marked of this.#element.querySelectorAll('.here, .around')) marked.classList.remove('here', 'around');
    for (const state of states) {
      const path = state.split('.');
      path.forEach((_, i) => {
        const inner = i === path.length - 1;
        for (const element of this.#find(path.slice(0, i + 1))) element.classList.add(inner ? 'here' : 'around');
      });
    }
  }

  #find(path) {
    const id = path.join('__').replace(/\W/g, '_');
    return this.#element.querySelectorAll(`g[id^="${this.#element.querySelector('svg').id}-state-${id}-"]`);
  }

  #follow() {
    const here = this.#element.querySelector('.here');
    if (here === null) return;
    const box = here.getBoundingClientRect();
    const frame = this.#element.getBoundingClientRect();
    this.#element.scrollBy(
      box.left + box.width / 2 - (frame.left + frame.width / 2),
      box.top + box.height / 2 - (frame.top + frame.height / 2),
    );
  }
}

async function render(machine, chart) {
  const { svg } = await mermaid.render(`m-${machine.replace(/\W/g, '_')}`, chart);
  const parsed = new DOMParser().parseFromString(svg, 'image/svg+xml');
  // The page has its own, for light and dark.
  parsed.querySelector('style').remove();
  return document.importNode(parsed.documentElement, true);
}
