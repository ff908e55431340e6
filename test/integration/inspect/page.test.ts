/** The page at /inspect in a real browser, on two worker processes. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Baton } from '../../../src/client/baton.js';
import { connect } from '../../../src/client/connect.js';
import { browserMissing, openBrowser } from '../../support/browser.js';
import { eventually } from '../../support/eventually.js';
import { freePorts } from '../../support/free-port.js';
import { ownServices } from '../../support/own-services.js';
import { silent } from '../../support/silent.js';
import { startWorker, type WorkerProcess } from '../../support/workers.js';

const services = ownServices('inspect');
const HOSTILE = '<img src=x onerror="window.hacked=true">';

describe.skipIf(browserMissing() !== undefined)('the inspector’s page', () => {
  let baton: Baton;
  let workers: WorkerProcess[];
  let browser: Browser;
  let page: Page;
  let url: string;
  const requested: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    const [port] = await freePorts(1);
    url = `http://127.0.0.1:${port}/inspect`;
    [baton, browser, ...workers] = await Promise.all([
      connect({ ...services, logger: silent }),
      openBrowser(),
      startFirst(),
      work('second'),
    ]);
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('request', (request) => requested.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
  });

  afterAll(async () => {
    await browser?.close();
    await baton?.close();
    await Promise.all((workers ?? []).map((worker) => worker.end()));
  });

  const work = (id: string, ...args: string[]) =>
    startWorker('inspected.mjs', services, ['--inspect', '--id', id, ...args]);
  const startFirst = () => work('first', '--http', new URL(url).host);
  const actor = (name: string) => page.getByRole('button', { name });
  const start = (workflow: string, id: string) => baton.start(workflow, 1, { id });

  test('shows the actors of every process, and the machine of one with the state it is in', async () => {
    await eventually(async () => expect(await page.locator('.process').count()).toBe(2));
    await actor('first running.ready').click();
    await page.locator('#diagram .node.here', { hasText: 'ready' }).waitFor();
    expect(await page.locator('#diagram .around').getAttribute('data-id')).toBe('running');
    expect(await page.locator('#machine-state').textContent()).toBe('running.ready');
    expect(await actor('breaker closed.steady').count()).toBe(2);
    expect(await actor('RabbitMQ connected').count()).toBe(2);
    expect(await actor('Postgres connected').count()).toBe(2);
    expect(await page.locator('#link').textContent()).toBe('live');
  });

  test('shows deliveries while a workflow runs, whatever its id, as text', async () => {
    await start('order', HOSTILE);
    const rows = page.locator('#deliveries tr:not(.settled)', { hasText: HOSTILE });
    await eventually(async () => expect(await rows.count()).toBe(2));
    expect((await rows.locator('td:first-child').allTextContents()).sort()).toEqual(['charge order', 'invoice order']);
    expect(await rows.locator('.phase').allTextContents()).toEqual(['executing', 'executing']);
    await actor('deliveries').first().click();
    await eventually(async () => expect(await rows.count()).toBe(0));
    expect(await page.evaluate('[document.images.length, "hacked" in window]')).toEqual([0, false]);
  });

  test('follows a worker that stops while it works, until it is gone', async () => {
    await actor('second running.ready').click();
    // More than the first has slots for.
    await Promise.all(Array.from({ length: 16 }, (_, i) => start('haul', `haul-${i}`)));
    const second = workers[1] as WorkerProcess;
    await page.locator('#deliveries tr:not(.settled)[title$="on second"]', { hasText: 'drive' }).first().waitFor();
    second.child.kill('SIGTERM');
    await page.locator('#diagram .node.here', { hasText: 'draining' }).waitFor();
    expect(await page.locator('#machine-state').textContent()).toBe('stopping.draining');
    await eventually(async () => expect(await page.locator('.process').count()).toBe(1));
    const events = await page.locator('#events li').allTextContents();
    const told = events.filter((event) => event.includes('second') && event.includes('stop')).join('\n');
    expect(told).toContain('running.ready → stopping.beforeStop on stop.requested');
    expect(told).toContain('stopping.quiescing → stopping.draining on quiescing.done');
  });

  test('is light or dark as its reader prefers, and fits small windows', async () => {
    const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await ground();
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await ground()).not.toBe(light);
    for (const width of [1280, 800, 390]) {
      await page.setViewportSize({ width, height: 700 });
      expect(await page.evaluate('document.documentElement.scrollWidth'), `${width}`).toBeLessThanOrEqual(width);
    }
  });

  test('asks nobody but its worker for anything, and has nothing to complain of', () => {
    const origin = new URL(url).origin;
    expect(requested.filter((asked) => !asked.startsWith(`${origin}/inspect`) && !asked.startsWith('data:'))).toEqual(
      [],
    );
    expect(complaints).toEqual([]);
  });

  test('says so when its worker is gone, and goes on with the one that comes in its place', async () => {
    const said = () => page.locator('#link').textContent();
    await (workers[0] as WorkerProcess).end();
    await eventually(async () => expect(await said()).toContain('disconnected'));
    workers.push(await startFirst());
    await eventually(async () => expect(await said()).toBe('live'));
    await actor('first running.ready').waitFor();
    expect(await page.locator('.process').count()).toBe(1);
  });
});
