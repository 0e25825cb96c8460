/** OpenStack Swift on loopback, from Debian's packages: one copy of everything, logins of version 1, and its own S3 side. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../postgres/free-port.ts';
import { temporaryDirectory } from '../temp.ts';
import { answers, startService, type ServiceOptions, type ServiceProcess } from './service-process.ts';

const programs = '/usr/bin';
const needed = [
  'swift-proxy-server',
  'swift-account-server',
  'swift-container-server',
  'swift-object-server',
  'memcached',
];

/** Whether it is installed; in CI it must be. */
export function hasSwift(): boolean {
  const missing = needed.filter((name) => !existsSync(join(programs, name)));
  if (missing.length === 0) return true;
  if (process.env['CI'] === 'true') throw new Error(`CI needs Swift: ${missing.join(', ')}`);
  return false;
}

/** A running server; disposing it removes its data. */
export interface Swift extends AsyncDisposable {
  /** `http://127.0.0.1:port`, for S3 requests in the style of paths. */
  readonly url: string;
  /** For logins of version 1. */
  readonly authUrl: string;
  /** User, and access key of its S3 side. */
  readonly user: string;
  /** Password, and secret of its S3 side. */
  readonly key: string;
  /** Tokens that were given out are refused from now on. */
  forgetTokens(): Promise<void>;
  log(): string;
}

/** How to start one. */
export interface SwiftOptions {
  /** Seconds that a token is good for; default a day. */
  readonly tokenSeconds?: number;
  /** Segments that a list of a large object may have; default 1,000. */
  readonly listEntries?: number;
}

/** Starts one on free ports, which takes some seconds. Containers, and buckets, must be made first. */
export async function startSwift({ tokenSeconds = 86_400, listEntries = 1_000 }: SwiftOptions = {}): Promise<Swift> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await temporaryDirectory()).path;
  const ids = swiftUser();
  const [proxy = 0, account = 0, container = 0, object = 0, memcached = 0] = await Promise.all(
    Array.from({ length: 5 }, freePort),
  );
  for (const name of ['.', 'devices', 'devices/d1', 'cache']) {
    await mkdir(join(folder, name), { recursive: true });
    if (ids !== undefined) await chown(join(folder, name), ids.uid, ids.gid);
  }
  const servers = { account, container, object };
  await writeFile(join(folder, 'swift.conf'), swiftConf);
  makeRings(folder, servers);
  for (const [name, port] of Object.entries(servers)) {
    await writeFile(join(folder, `${name}-server.conf`), backendConf(folder, name, port));
  }
  await writeFile(
    join(folder, 'proxy-server.conf'),
    proxyConf(folder, { port: proxy, memcached, tokenSeconds, listEntries }),
  );

  const options: ServiceOptions = { cwd: folder, environment: { HOME: folder }, ...ids };
  const running: ServiceProcess[] = [];
  const start = (program: string, args: readonly string[]): ServiceProcess => {
    const service = cleanup.use(startService(join(programs, program), args, options));
    running.push(service);
    return service;
  };
  start('memcached', ['-l', '127.0.0.1', '-p', String(memcached), '-U', '0', '-m', '32']);
  for (const name of Object.keys(servers)) start(`swift-${name}-server`, [join(folder, `${name}-server.conf`), '-v']);
  const front = start('swift-proxy-server', [join(folder, 'proxy-server.conf'), '-v']);
  const url = `http://127.0.0.1:${proxy}`;
  await front.until(() => answers(`${url}/healthcheck`));
  // An account is made by the first request about it, for which the servers behind must be there.
  await front.until(async () => {
    const { token, storageUrl } = await logInToSwift({ authUrl: `${url}/auth/v1.0`, user, key });
    return (await fetch(storageUrl, { headers: { 'X-Auth-Token': token } })).ok;
  });
  const owned = cleanup.move();
  return {
    url,
    authUrl: `${url}/auth/v1.0`,
    user,
    key,
    async forgetTokens() {
      // A login gives out the token that there is as long as that is good: nobody has another one.
      const old = await logInToSwift({ authUrl: `${url}/auth/v1.0`, user, key });
      for (const remembered of [`AUTH_/user/${user}`, `AUTH_/token/${old.token}`]) {
        await tellMemcached(memcached, `delete ${createHash('md5').update(remembered).digest('hex')}`);
      }
      const { status } = await fetch(old.storageUrl, { headers: { 'X-Auth-Token': old.token } });
      if (status !== 401) throw new Error(`Swift still takes a token that it was to forget: ${status}`);
    },
    log: () => running.map((one) => one.log()).join('\n'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Logs in by version 1. @throws Error when that is refused */
export async function logInToSwift({
  authUrl,
  user,
  key,
}: Pick<Swift, 'authUrl' | 'user' | 'key'>): Promise<{ readonly token: string; readonly storageUrl: string }> {
  const answer = await fetch(authUrl, { headers: { 'X-Auth-User': user, 'X-Auth-Key': key } });
  await answer.arrayBuffer();
  const [token, storageUrl] = [answer.headers.get('x-auth-token'), answer.headers.get('x-storage-url')];
  if (token === null || storageUrl === null) throw new Error(`Swift refused to log in: ${answer.status}`);
  return { token, storageUrl };
}

async function tellMemcached(port: number, command: string): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${command}\r\n`);
  await once(socket, 'data');
  socket.destroy();
}

const user = 'test:tester';
const key = 'testing';

/** The servers refuse to be root: then they are the user of their packages. */
function swiftUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (option: string): number => Number(execFileSync('id', [option, 'swift'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

function userName(): string {
  return process.getuid?.() === 0 ? 'swift' : execFileSync('id', ['-un'], { encoding: 'utf8' }).trim();
}

/** Writes the rings, in one process: `swift-ring-builder` would take nine. */
function makeRings(folder: string, ports: Readonly<Record<string, number>>): void {
  const script = `
import json, sys
from swift.common.ring import RingBuilder
for name, port in json.loads(sys.argv[1]).items():
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({'id': 0, 'region': 1, 'zone': 1, 'weight': 1, 'device': 'd1', 'meta': '', 'ip': '127.0.0.1', 'port': port,
                     'replication_ip': '127.0.0.1', 'replication_port': port})
    builder.rebalance()
    builder.get_ring().save(name + '.ring.gz')
`;
  execFileSync(join(programs, 'python3'), ['-c', script, JSON.stringify(ports)], { cwd: folder, stdio: 'pipe' });
}

const swiftConf = `
[swift-hash]
swift_hash_path_suffix = suffix
swift_hash_path_prefix = prefix
[swift-constraints]
max_file_size = 5368709122
[storage-policy:0]
name = Policy-0
default = yes
`;

function backendConf(folder: string, name: string, port: number): string {
  return `
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
user = ${userName()}
swift_dir = ${folder}
devices = ${folder}/devices
recon_cache_path = ${folder}/cache
mount_check = false
workers = 0
fallocate_reserve = 0
log_name = ${name}
[pipeline:main]
pipeline = ${name}-server
[app:${name}-server]
use = egg:swift#${name}
`;
}

function proxyConf(
  folder: string,
  {
    port,
    memcached,
    tokenSeconds,
    listEntries,
  }: { readonly port: number; readonly memcached: number; readonly tokenSeconds: number; readonly listEntries: number },
): string {
  const filters = [
    ...['catch_errors', 'gatekeeper', 'healthcheck', 'cache', 'listing_formats', 'bulk', 'tempurl', 'ratelimit'],
    ...['s3api', 'tempauth', 'copy', 'container_quotas', 'account_quotas', 'slo', 'dlo', 'versioned_writes', 'symlink'],
  ];
  const extra: Readonly<Record<string, string>> = {
    cache: `memcache_servers = 127.0.0.1:${memcached}`,
    tempauth: `user_test_tester = ${key} .admin\ntoken_life = ${tokenSeconds}`,
    s3api: 'location = us-east-1\ns3_acl = false\ncheck_bucket_owner = false\ndns_compliant_bucket_names = true',
    // Tests make objects that are older than they are.
    gatekeeper: 'shunt_inbound_x_timestamp = false',
    slo: `max_manifest_segments = ${listEntries}`,
    versioned_writes: 'allow_versioned_writes = true\nallow_object_versioning = true',
  };
  const egg: Readonly<Record<string, string>> = { cache: 'memcache' };
  const sections = filters.map(
    (name) => `[filter:${name}]\nuse = egg:swift#${egg[name] ?? name}\n${extra[name] ?? ''}\n`,
  );
  return `
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
user = ${userName()}
swift_dir = ${folder}
workers = 0
[pipeline:main]
pipeline = ${filters.join(' ')} proxy-server
[app:proxy-server]
use = egg:swift#proxy
# A busy machine is slow: the one server behind is waited for, and not left alone for a minute after ten errors.
conn_timeout = 15
node_timeout = 60
recoverable_node_timeout = 60
error_suppression_limit = 1000000
account_autocreate = true
${sections.join('')}`;
}
