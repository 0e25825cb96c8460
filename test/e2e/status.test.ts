import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reachableWalvault, runCli, type CliResult } from '../../testtools/cli.ts';
import { makeServerDirectory, makeServerTemp } from '../../testtools/postgres/server-user.ts';
import { startPostgres, type TestServer } from '../../testtools/postgres/server.ts';

/** What of the JSON is looked at here. */
interface Report {
  readonly ok: boolean;
  readonly server: { readonly state: string; readonly timeline?: number; readonly archiving?: boolean };
  readonly backups: readonly { readonly name: string; readonly unusable: string | null }[];
  readonly current_window: { readonly timeline: number; readonly broken: boolean } | null;
  readonly wal: { readonly last_segment: string | null; readonly lag_bytes: number | null };
  readonly policy: { readonly going: readonly string[] } | null;
  readonly problems: readonly { readonly name: string; readonly severity: string }[];
}

describe('status', () => {
  const home = makeServerTemp();
  const archive = makeServerDirectory(join(home, 'archive'));
  const policy = { WALG_RETENTION_KEEP_LAST: '1' };
  let server: TestServer;

  beforeAll(async () => {
    server = await startPostgres({
      major: 17,
      archiveCommand: `${reachableWalvault()} wal-push "%p"`,
      environment: { WALG_FILE_PREFIX: archive },
    });
    for (let count = 0; count < 2; count++) {
      const pushed = await run(['backup-push', server.dataDirectory]);
      expect(pushed.status, pushed.stderr).toBe(0);
      await archiveSome();
    }
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
    return runCli(args, { env: { WALG_FILE_PREFIX: archive, ...server.environment, ...env } });
  }

  async function report(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Report> {
    const { stdout, stderr, status } = await run(['status', '--json', ...args], { ...policy, ...env });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout) as Report;
  }

  /** Fills a segment a little and has it archived. */
  async function archiveSome(): Promise<void> {
    await server.query('create table if not exists t (a int); insert into t values (1)');
    const name = await server.value('select pg_walfile_name(pg_switch_wal())');
    await server.waitFor(`select last_archived_wal >= '${name}' from pg_stat_archiver`, { timeoutMs: 120_000 });
  }

  it('tells what the archive holds and what the server says, in every form', async () => {
    const [html, metrics] = [join(home, 'status.html'), join(home, 'status.prom')];
    const found = await report(['--html', html, '--prometheus', metrics]);
    expect(found).toMatchObject({
      ok: true,
      server: { state: 'answered', timeline: 1, archiving: true },
      backups: [{ unusable: null }, { unusable: null }],
      current_window: { timeline: 1, broken: false },
      problems: [],
    });
    expect(found.policy?.going).toEqual([found.backups[0]?.name]);
    expect(found.wal.lag_bytes).toBeLessThan(16 * 1024 * 1024);
    expect(readFileSync(html, 'utf8')).toContain(found.backups[1]?.name ?? '');
    expect(readFileSync(metrics, 'utf8')).toMatch(/^walvault_backups\{type="full"\} 2$/m);
    expect(readdirSync(home).filter((name) => name.includes('.tmp.'))).toEqual([]);

    const { stdout, status } = await run(['status', '--storage-only', '--exit-code']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^timeline 1 .*●/m);
    expect(stdout).toMatch(/^Nothing needs attention\.$/m);
  });

  it('goes on without a server, and says which one gave no answer', async () => {
    const nobody = { PGHOST: makeServerDirectory(join(home, 'nobody')), PGPORT: '1' };
    const found = await report([], nobody);
    expect(found.server.state).toBe('failed');
    expect(found.problems).toMatchObject([{ name: 'server_unreachable', severity: 'warning' }]);
    expect(found.wal.lag_bytes).toBeNull();
  });

  it('cannot write where there is no folder', async () => {
    const { status, stderr } = await run(['status', '--storage-only', '--prometheus', join(home, 'none', 'x.prom')]);
    expect(status).toBe(73);
    expect(stderr).toContain('cannot write');
  });

  it('fails when asked to where WAL behind the newest backup is gone', async () => {
    const lost = (await server.value('insert into t values (2); select pg_walfile_name(pg_current_wal_lsn())')) ?? '';
    await archiveSome();
    await archiveSome();
    for (const name of readdirSync(join(archive, 'wal_005'))) {
      if (name.startsWith(lost)) rmSync(join(archive, 'wal_005', name));
    }
    expect(await report()).toMatchObject({
      ok: false,
      current_window: { broken: true },
      problems: [{ name: 'wal_gap' }],
    });
    const { status, stderr } = await run(['status', '--exit-code']);
    expect(status).toBe(66);
    expect(stderr).toContain(`recovery ends at "${lost}"`);
  });
});
