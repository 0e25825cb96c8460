import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toLsn } from '../../../../src/postgres/lsn.ts';
import { pageBytes } from '../../../../src/postgres/pages/page-scan.ts';
import type { ChainPlan } from '../../../../src/postgres/restore/chain-plan.ts';
import { createNameSet } from '../../../../src/postgres/restore/name-set.ts';
import { createStepFiles, type FileAction } from '../../../../src/postgres/restore/step-files.ts';
import { restoreVisibilityMarks } from '../../../../src/postgres/restore/visibility-marks.ts';
import { madePage } from '../../../../testtools/pages.ts';

const since = toLsn(0x2000000n);
const before = toLsn(0x3000000n);
const old = 0x1500000n;
const table = 'base/5/16384';
const map = `${table}_vm`;

/** A page of a map that has marks for these pages of the table. */
function mapPage(lsn: bigint, marked: readonly number[]): Buffer {
  const page = Buffer.from(madePage({ lsn }));
  page.fill(0, 24);
  for (const block of marked) {
    const at = 24 + Math.floor(block / 4);
    page.writeUInt8(page.readUInt8(at) | (1 << ((block % 4) * 2)), at);
  }
  return page;
}

function withFlag(page: Uint8Array): Buffer {
  const copy = Buffer.from(page);
  copy.writeUInt16LE(copy.readUInt16LE(10) | 4, 10);
  return copy;
}

describe('marks of pages that are visible to all', () => {
  let destination: string;

  beforeEach(() => {
    destination = mkdtempSync(join(tmpdir(), 'marks-'));
    mkdirSync(join(destination, 'base', '5'), { recursive: true });
  });
  afterEach(() => {
    rmSync(destination, { recursive: true });
  });

  async function mark(pages: readonly Uint8Array[], maps: readonly Uint8Array[], action: FileAction = 'increment') {
    writeFileSync(join(destination, table), Buffer.concat(pages));
    writeFileSync(join(destination, map), Buffer.concat(maps));
    const names = createNameSet([table, map, 'base/5/16385_vm', 'PG_VERSION']);
    const files = createStepFiles(names.size);
    files.plan(names.numberOf(table) ?? 0, action);
    const chain = { names, steps: [{ files }] } as unknown as ChainPlan;
    const layout = { destination, tablespaces: {} };
    const signal = new AbortController().signal;
    const marked = await restoreVisibilityMarks(chain, { layout, since, before, durable: true, signal });
    return { marked, bytes: readFileSync(join(destination, table)) };
  }

  const page = (block: number, lsn = old): Uint8Array => madePage({ lsn, block });

  it('are set where the map has them and the page is of before the newest backup', async () => {
    const pages = [page(0), page(1), page(2), withFlag(page(3)), page(4, before), new Uint8Array(pageBytes), page(6)];
    const { marked, bytes } = await mark(pages, [mapPage(since, [0, 2, 3, 4, 5, 6, 900])]);
    expect(marked).toBe(3);
    const expected = [withFlag(page(0)), page(1), withFlag(page(2)), ...pages.slice(3, 6), withFlag(page(6))];
    expect(bytes.equals(Buffer.concat(expected))).toBe(true);
  });

  it('are left to recovery where the map is as the oldest backup has it, or was never filled', async () => {
    const pages = [page(0), page(1)];
    expect((await mark(pages, [mapPage(since - 1n, [0, 1])])).marked).toBe(0);
    expect((await mark(pages, [new Uint8Array(pageBytes)])).marked).toBe(0);
    expect((await mark(pages, [])).marked).toBe(0);
  });

  it('are those of the page in files that came whole', async () => {
    expect((await mark([page(0)], [mapPage(since, [0])], 'whole')).marked).toBe(0);
  });
});
