/**
 * The page of the admin port in a real browser, before a real federation: what it shows, what a client cannot do to it,
 * and that it lasts through a restart. With `UPDATE=1` it makes the pictures of docs/page.md anew.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { DrivenPage } from './support/driven-page.js';
import { everything, reportOnly } from './support/report-only.js';
import { signedBytes, telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';
import { fetchPage } from '../../tools/local-federation/health.js';

const UPDATES = process.env['UPDATE'] === '1';
/** It may never be more than text. */
const HOSTILE = '/nowhere/<img/src=x/onerror=alert(1)>';

/** Texts of the page whose colour lies too near to the ground behind them (WCAG 2.2, 1.4.3). */
const POOR_CONTRASTS = `(() => {
  const channels = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((value) =>
      value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')].flatMap((element) => {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (!hasText || element.closest('[hidden], .hidden, .skip, button:disabled, noscript')) return [];
    const two = [luminance(getComputedStyle(element).color), luminance(groundOf(element))];
    const ratio = (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05);
    return ratio < 4.5 ? [element.className + ' ' + ratio.toFixed(2) + ' ' + element.textContent.slice(0, 30)] : [];
  });
})()`;

let stage: Stage;
let world: World;
let page: DrivenPage;
let url = '';

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
  world = worldOf(stage.federation.credentials);
  url = `${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/`;
  await traffic();
  page = await DrivenPage.open();
}, 180_000);
afterAll(async () => {
  await page.close();
  await stage.close();
}, 90_000);

/** Some that pass, some that do not, and a copy. */
async function traffic(): Promise<void> {
  const good = telemetry({ by: world.a });
  for (const outgoing of [good, good, telemetry({ by: world.b })]) await stage.exchange('HTTP/1.1', outgoing);
  const wrong = telemetry({ by: world.a });
  await stage.exchange('HTTP/1.1', { ...wrong, body: Buffer.concat([wrong.body, Buffer.from(' ')]) });
  await stage.exchange('HTTP/1.1', signedBytes({ by: world.a }, HOSTILE, Buffer.from('x')));
}

const SHOWN = 'document.querySelectorAll("#refusals-list .refusal").length >= 3';
const text = (selector: string): Promise<string> =>
  page.value<string>(`document.querySelector(${JSON.stringify(selector)}).textContent`);

async function open(look: Parameters<DrivenPage['look']>[0]): Promise<void> {
  await page.look(look);
  await page.go('about:blank');
  await page.go(url);
  await page.until('refusals are shown', SHOWN);
}

async function picture(name: string): Promise<void> {
  const bytes = await page.picture();
  expect(bytes.length).toBeGreaterThan(5_000);
  expect(bytes.length).toBeLessThan(150_000);
  if (!UPDATES) return;
  mkdirSync('docs/pictures', { recursive: true });
  writeFileSync(`docs/pictures/${name}.webp`, bytes);
}

describe.each([
  ['page-light', { width: 1280, height: 900, colours: 'light' }],
  ['page-dark', { width: 1280, height: 900, colours: 'dark' }],
  ['page-narrow', { width: 375, height: 900, colours: 'light', reducedMotion: true }],
] as const)('the page as in the picture %s', (name, look) => {
  it('shows refusals with code, claimant, reason and next step, without scrolling sideways', async () => {
    await open(look);
    expect(await text('#verdict')).toBe('Serves');
    expect(await text('#refusals-list')).toMatch(/401 signature_invalid[^]*does not hold[^]*Next: /);
    expect(await page.value('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await picture(name);
  });

  it('has a contrast of at least 4.5 wherever there is text', async () => {
    expect(await page.value<string[]>(POOR_CONTRASTS)).toEqual([]);
  });
});

describe('the page in use', () => {
  beforeAll(() => open({ width: 1280, height: 900 }));

  it('tells why one was refused, in the words of the command', async () => {
    await page.value(
      `[...document.querySelectorAll('.refusal a')].find((a) => a.textContent === 'signature_invalid').click()`,
    );
    await page.until('it is told', 'document.querySelector("#why-body .lead") !== null');
    expect(await text('#why-body')).toMatch(
      /The request was refused as signature_invalid \(HTTP 401\), decision/,
    );
    expect(await page.value('document.activeElement.id')).toBe('why');
    await picture('page-why');
  });

  it('says so where nothing is recorded, and takes any id as text', async () => {
    await page.value('document.getElementById("request-id").value = ""');
    await page.value('document.getElementById("request-id").focus()');
    await page.type('<b>nobody</b>');
    await page.press('Enter');
    await page.until(
      'it is answered',
      'document.querySelector("#why-body").textContent.includes("Nothing is recorded")',
    );
    expect(await text('#why-title')).toBe('Why <b>nobody</b>');
    expect(await page.value('document.querySelectorAll("#why b").length')).toBe(0);
    await page.value('document.getElementById("why-close").click()');
    expect(await page.value('document.activeElement.id')).toBe('request-id');
  });

  it('is led by the keyboard from the skip link on, through everything and out again', async () => {
    await page.go('about:blank');
    await page.go(url);
    await page.until('refusals are shown', SHOWN);
    const seen: string[] = [];
    for (let stop = 0; stop < 150; stop++) {
      await page.press('Tab');
      const at = await page.value<string>(
        `(document.activeElement?.id || document.activeElement?.textContent || '').trim().slice(0, 40)`,
      );
      if (seen.length > 0 && at === seen[0]) break;
      seen.push(at);
    }
    expect(seen[0]).toBe('Skip to the content');
    const order = [
      'pause',
      'theme',
      'request-id',
      'refusals-code',
      'refusals-find',
      'identities-state',
      '/metrics',
    ];
    const places = order.map((name) => seen.indexOf(name));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
  });

  it('has a name for every control, heading and picture', async () => {
    const nodes = await page.accessible();
    const named = ['button', 'link', 'textbox', 'searchbox', 'combobox', 'image', 'heading', 'region', 'img'];
    expect(nodes.filter(({ role, name }) => named.includes(role) && name === '')).toEqual([]);
    expect(nodes.map(({ name }) => name).join()).toContain(
      'Requests in the last fifteen minutes: let through',
    );
  });

  it('changes its colours, and keeps them', async () => {
    const ground = 'getComputedStyle(document.body).backgroundColor';
    const before = await page.value(ground);
    await page.value(
      `(() => { const s = document.getElementById('theme'); s.value = 'dark'; s.dispatchEvent(new Event('change')); })()`,
    );
    expect(await page.value(ground)).not.toBe(before);
    await page.go(url);
    expect([await page.value('document.documentElement.dataset.theme'), await page.value(ground)]).toEqual([
      'dark',
      expect.not.stringContaining(String(before)),
    ]);
    await page.value('localStorage.clear()');
  });

  it('filters by reason, from the legend, too', async () => {
    await page.until('there is a legend', 'document.querySelector("#chart-refusals .legend a") !== null');
    await page.value(
      'document.querySelector(`#chart-refusals .legend a[href="#refusals=no_policy"]`).click()',
    );
    await page.until(
      'only those are shown',
      `[...document.querySelectorAll('.refusal .what a')].every((a) => a.textContent === 'no_policy')`,
    );
  });

  it('makes nothing but text of what a client wrote', async () => {
    await page.go(url);
    await page.until('the path is shown', `document.body.textContent.includes('onerror')`);
    expect(await page.value('document.querySelectorAll("main img, main script").length')).toBe(0);
  });

  it('opens an identity to its keys and pins', async () => {
    await page.until('there are identities', 'document.querySelectorAll(".identity").length > 0');
    await page.value('document.querySelector(".identity summary").click()');
    expect(await text('.identity[open]')).toContain(world.a.certificateSha256);
  });

  describe('under report-only', () => {
    const BANNER = 'document.getElementById("report-only")';
    const REASON = 'producers <b>learn</b>';

    it('says above everything else what is not enforced, as text', async () => {
      expect(await page.value(`${BANNER}.hidden`)).toBe(true);
      await reportOnly(stage, { ...everything, checks: ['timestamp_outside_window'], reason: REASON });
      await page.until('the banner is there', `!${BANNER}.hidden`);
      expect(await text('#report-only')).toMatch(
        /^REPORT-ONLY: not enforced until \d{4}-.*Z: timestamp_outside_window \(producers <b>learn<\/b>\)/,
      );
      expect(await page.value(`${BANNER}.getBoundingClientRect().height > 0`)).toBe(true);
      expect(await page.value(POOR_CONTRASTS)).toEqual([]);
    });

    it('marks what it let pass in the list, and counts it apart from both', async () => {
      const late = telemetry({ by: world.a, timestamp: 1_700_000_000 });
      expect((await stage.exchange('HTTP/1.1', late)).records[0]).toMatchObject({ code: 'would_refuse' });
      const ROW = '.refusal.passed';
      await page.until('it is in the list', `document.querySelector('${ROW}') !== null`);
      expect(await text(`${ROW} .what`)).toMatch(/401 timestamp_outside_window let pass by report-only/);
      expect(await page.value(`document.querySelectorAll('.refusal:not(.passed) .let-pass').length`)).toBe(0);
      // A slot has to be over.
      await page.until(
        'the chart has it',
        `document.querySelector('#chart-requests [data-name="reported"]') !== null`,
      );
      expect(await text('#chart-requests [data-name="reported"]')).toBe('let pass by report-only 1');
      expect(await text('#chart-refusals')).not.toContain('timestamp_outside_window');
      expect(await page.value(POOR_CONTRASTS)).toEqual([]);
    });

    it('has no banner any more where everything is enforced again', async () => {
      await reportOnly(stage);
      await page.until('the banner is gone', `${BANNER}.hidden`);
    });
  });

  it('has broken no rule of its policy, and thrown nothing', () => {
    expect(page.complaints).toEqual([]);
  });
});

describe('the page while the verifier is away', () => {
  it('says so, and comes back', async () => {
    await open({ width: 1280, height: 900 });
    await stage.federation.interrupt('verifier');
    await page.until('it says so', '!document.getElementById("away").hidden');
    expect([await text('#verdict'), await text('#away')]).toEqual([
      'Away',
      expect.stringContaining('Nobody answers'),
    ]);
    await stage.federation.resume('verifier');
    await page.until('it is back', 'document.getElementById("verdict").textContent !== "Away"');
    expect(await page.value('document.getElementById("away").hidden')).toBe(true);
    expect((await fetchPage(`${url}readyz`)).status).toBe(200);
  });
});
