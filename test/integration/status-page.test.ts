import { describe, expect, it } from 'vitest';
import { statusPage } from '../../src/commands/postgres/status-output/view.ts';
import { problemsOf } from '../../src/postgres/status/problems.ts';
import { hasBrowser, lookAt } from '../../testtools/browser.ts';
import { madeStatus } from '../../testtools/made-status.ts';

const status = madeStatus();
const page = statusPage(status, problemsOf(status));

/** What a browser makes of the page. */
interface Seen {
  readonly title: string;
  readonly headings: readonly string[];
  readonly facts: Readonly<Record<string, string>>;
  readonly ground: readonly number[];
  /** Of each kind of text: the ratio of its contrast with what is behind it. */
  readonly contrasts: Readonly<Record<string, number>>;
  /** By how much the page is wider than its window. */
  readonly overflow: number;
  /** Elements that stick out of their boxes to the right, other than in those that scroll. */
  readonly sticksOut: readonly string[];
  readonly bars: readonly { readonly title: string; readonly left: number; readonly right: number }[];
  readonly marks: number;
  readonly labelsInside: boolean;
  readonly rows: number;
  readonly namedImages: readonly string[];
}

const look = `(window) => {
  const { document } = window;
  const text = (element) => element.textContent.trim();
  const all = (selector) => [...document.querySelectorAll(selector)];
  const colour = (value) => value.match(/[\\d.]+/g).slice(0, 4).map(Number);
  const background = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const found = colour(window.getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (element, property) => {
    const pair = [colour(window.getComputedStyle(element)[property]).slice(0, 3), background(element)].map(luminance).sort();
    return (pair[1] + 0.05) / (pair[0] + 0.05);
  };
  const svg = document.querySelector('svg');
  const frame = svg.getBoundingClientRect();
  const kinds = { body: 'body', detail: 'dd.detail', term: 'dt', severity: '.problems strong', hint: '.problems p', failed: 'tr.failure td', legend: '.legend' };
  return {
    title: document.title,
    headings: all('h1, h2').map(text),
    facts: Object.fromEntries(all('.facts > div').map((one) => [text(one.querySelector('dt')), text(one.querySelector('dd'))])),
    ground: background(document.body),
    contrasts: {
      ...Object.fromEntries(Object.entries(kinds).map(([name, selector]) => [name, contrast(document.querySelector(selector), 'color')])),
      axis: contrast(document.querySelector('svg text.faint'), 'fill'),
    },
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    sticksOut: all('main *')
      .filter((one) => one.closest('.scroll') === null && one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0)
      .map((one) => one.outerHTML.slice(0, 80)),
    bars: [...svg.querySelectorAll('g')]
      .filter((group) => group.querySelector('rect.wal') !== null)
      .map((group) => {
        const { left, right } = group.getBoundingClientRect();
        return { title: text(group.querySelector('title')), left: left - frame.left, right: right - frame.left };
      }),
    marks: svg.querySelectorAll('circle.backup, circle.delta, path.unusable').length,
    labelsInside: [...document.querySelectorAll('svg')].every((one) => {
      const outer = one.getBoundingClientRect();
      return [...one.querySelectorAll('text')].every((label) => {
        const { left, right, top, bottom } = label.getBoundingClientRect();
        return left >= outer.left - 1 && right <= outer.right + 1 && top >= outer.top - 1 && bottom <= outer.bottom + 1;
      });
    }),
    rows: all('[aria-labelledby="backups"] tbody tr').length,
    namedImages: all('svg[role=img]').map((one) => one.getAttribute('aria-labelledby').split(' ').map((id) => text(document.getElementById(id))).join(': ')),
  };
}`;

describe.skipIf(!hasBrowser())('the page of status in a browser', () => {
  it('shows what is known, by day', async () => {
    const seen = await lookAt<Seen>(page, { width: 1200 }, look);
    expect(seen).toMatchObject({
      title: '1 warning: s3://backups/db1',
      facts: {
        'Last backup': '2 days ago',
        Recovery: 'up to 2 min ago',
        WAL: '3.1 MB behind the server',
        'Last proven': '34 h ago',
        Size: '9.8 GB',
        Policy: 'would free 2.4 GB',
        Server: 'PostgreSQL 17.10',
      },
      ground: [255, 255, 255],
      overflow: 0,
      sticksOut: [],
      marks: 7,
      labelsInside: true,
      rows: 7,
    });
    expect(seen.headings).toEqual([
      'Archive s3://backups/db1',
      ...['Needs attention', 'Overview', 'Recovery windows', 'WAL that is not there', 'Stored, day by day', 'Backups'],
    ]);
    expect(seen.namedImages).toEqual([
      expect.stringMatching(/^Recovery windows by timeline: timeline 1: 2026-11-07 02:00:00 UTC/),
      expect.stringMatching(/^What was stored on each of the last 30 days: At most 2.3 GB on a day/),
    ]);
    const [first, second, third] = seen.bars;
    expect(seen.bars).toHaveLength(3);
    expect(first?.right).toBeLessThan(second?.left ?? 0);
    expect(third?.left).toBeCloseTo(second?.left ?? 0, 0);
    expect(third?.right).toBeGreaterThan(second?.right ?? 0);
    for (const [kind, ratio] of Object.entries(seen.contrasts)) expect(ratio, kind).toBeGreaterThanOrEqual(4.5);
  });

  it('shows the same by night, and on a narrow screen', async () => {
    const seen = await lookAt<Seen>(page, { width: 360, isDark: true }, look);
    expect(Math.max(...seen.ground)).toBeLessThan(40);
    expect(seen).toMatchObject({ overflow: 0, sticksOut: [], labelsInside: true, rows: 7 });
    for (const [kind, ratio] of Object.entries(seen.contrasts)) expect(ratio, kind).toBeGreaterThanOrEqual(4.5);
  });
});
