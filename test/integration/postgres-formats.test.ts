import { openSync, readSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatLsn, parseLsn } from '../../src/postgres/lsn.ts';
import { readControlFile } from '../../src/postgres/pgdata.ts';
import { readSegmentHeader, segmentHeaderBytes } from '../../src/postgres/wal-page.ts';
import { segmentName, segmentOf, segmentStart } from '../../src/postgres/wal-segment.ts';
import { testedMajors } from '../../testtools/postgres/installations.ts';
import { startPostgres, type TestServer } from '../../testtools/postgres/server.ts';

/** A row of text values. */
async function row(server: TestServer, sql: string): Promise<Readonly<Record<string, unknown>>> {
  const [first] = await server.query(sql);
  return first ?? {};
}

function segmentHeaderOf(path: string) {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(segmentHeaderBytes);
    readSync(file, bytes);
    return readSegmentHeader(bytes);
  } finally {
    closeSync(file);
  }
}

describe.each(testedMajors())('files of a running PostgreSQL %i', (major) => {
  it.each([1, 16])('are read as the server reads them, with segments of %i MiB', async (mebibytes) => {
    const initdbArgs = ['--data-checksums', `--wal-segsize=${mebibytes}`];
    await using server = await startPostgres({ major, initdbArgs });
    await server.query('create table t as select generate_series(1, 1000); select pg_switch_wal(); checkpoint');

    const control = readControlFile(server.dataDirectory);
    const system = await row(server, 'select * from pg_control_system()');
    const checkpoint = await row(
      server,
      'select *, extract(epoch from checkpoint_time) as epoch from pg_control_checkpoint()',
    );
    const init = await row(server, 'select * from pg_control_init()');
    expect({
      system_identifier: String(BigInt.asIntN(64, control.systemIdentifier)),
      pg_control_version: String(control.controlVersion),
      catalog_version_no: String(control.catalogVersion),
    }).toEqual({
      system_identifier: system['system_identifier'],
      pg_control_version: system['pg_control_version'],
      catalog_version_no: system['catalog_version_no'],
    });
    expect({
      checkpoint_lsn: formatLsn(control.checkpoint.lsn),
      redo_lsn: formatLsn(control.checkpoint.redo),
      redo_wal_file: segmentName(segmentOf(control.checkpoint.redo, 1, control.segmentBytes), control.segmentBytes),
      timeline_id: String(control.checkpoint.timeline),
      prev_timeline_id: String(control.checkpoint.previousTimeline),
      epoch: control.checkpoint.time.getTime() / 1000,
    }).toEqual({
      checkpoint_lsn: checkpoint['checkpoint_lsn'],
      redo_lsn: checkpoint['redo_lsn'],
      redo_wal_file: checkpoint['redo_wal_file'],
      timeline_id: checkpoint['timeline_id'],
      prev_timeline_id: checkpoint['prev_timeline_id'],
      epoch: Number(checkpoint['epoch']),
    });
    expect(
      [control.blockBytes, control.walPageBytes, control.segmentBytes, control.dataChecksumVersion].map(String),
    ).toEqual([
      init['database_block_size'],
      init['wal_block_size'],
      init['bytes_per_wal_segment'],
      init['data_page_checksum_version'],
    ]);
    expect(control.state).toBe('in production');

    const lsn = parseLsn((await server.value('select pg_current_wal_lsn()::text')) ?? '');
    const name = await server.value(`select pg_walfile_name('${formatLsn(lsn)}')`);
    const id = segmentOf(lsn, 1, control.segmentBytes);
    expect(segmentName(id, control.segmentBytes)).toBe(name);
    await server.query('insert into t values (1)');
    expect(segmentHeaderOf(join(server.dataDirectory, 'pg_wal', name ?? ''))).toMatchObject({
      majorVersion: major,
      timeline: 1,
      start: segmentStart(id, control.segmentBytes),
      systemIdentifier: control.systemIdentifier,
      segmentBytes: control.segmentBytes,
      pageBytes: control.walPageBytes,
    });
  });
});
