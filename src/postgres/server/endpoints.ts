/** The places where the server may be: hosts, addresses, ports and sockets. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConnectionParameterError } from './errors.ts';
import type { Parameters } from './parameters.ts';

/** One place to connect to. */
export interface Endpoint {
  /** Host name or address, or the directory of a socket. */
  readonly host: string;
  /** Numeric address to connect to instead of looking `host` up. */
  readonly address: string | undefined;
  readonly port: number;
}

/** Where packages of the server put its socket. */
export const usualSocketDirectories: readonly string[] = ['/var/run/postgresql', '/run/postgresql', '/tmp'];

const usualPort = 5432;

/**
 * The places to try, in this order. A host that isn't given stands for the usual socket directories that have a socket
 * for the port, and then localhost.
 *
 * @throws ConnectionParameterError when the lists of hosts, addresses and ports don't go together
 */
export function listEndpoints(parameters: Parameters, random: () => number = Math.random): readonly Endpoint[] {
  const hosts = split(parameters.get('host'));
  const addresses = split(parameters.get('hostaddr'));
  const ports = split(parameters.get('port')).map((text) => parsePort(text, parameters));
  if (hosts.length > 0 && addresses.length > 0 && hosts.length !== addresses.length) {
    throw mismatch(`${hosts.length} hosts and ${addresses.length} addresses`);
  }
  const count = Math.max(hosts.length, addresses.length, 1);
  if (ports.length > 1 && ports.length !== count) throw mismatch(`${count} hosts and ${ports.length} ports`);
  const places = Array.from({ length: count }, (_, index): readonly Endpoint[] => {
    const port = ports[ports.length > 1 ? index : 0] ?? usualPort;
    const address = addresses[index] === '' ? undefined : addresses[index];
    const host = hosts[index] === '' ? address : (hosts[index] ?? address);
    return host === undefined ? usualEndpoints(port) : [{ host, address, port }];
  });
  if (parameters.word('load_balance_hosts', ['disable', 'random']) === 'random') shuffle(places, random);
  return places.flat();
}

/** Whether the place is a Unix socket. */
export function isSocket(endpoint: Endpoint): boolean {
  return endpoint.address === undefined && endpoint.host.startsWith('/');
}

/** For messages: `db1:5432`, `[::1]:5432`, or the path of the socket. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (isSocket(endpoint)) return join(endpoint.host, `.s.PGSQL.${endpoint.port}`);
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

function usualEndpoints(port: number): readonly Endpoint[] {
  const sockets = usualSocketDirectories
    .map((host): Endpoint => ({ host, address: undefined, port }))
    .filter((endpoint) => existsSync(formatEndpoint(endpoint)));
  return [...sockets, { host: 'localhost', address: undefined, port }];
}

function split(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(',').map((part) => part.trim());
}

function parsePort(text: string, parameters: Parameters): number {
  const port = text === '' ? usualPort : /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  const name = parameters.originOf('port') ?? 'PGPORT';
  throw new ConnectionParameterError(
    `invalid value of ${name}: ${JSON.stringify(text)}; allowed: a port from 1 to 65535`,
    `Correct ${name}, or remove it to use ${usualPort}.`,
  );
}

function mismatch(what: string): ConnectionParameterError {
  return new ConnectionParameterError(
    `the places of the server don't go together: ${what}`,
    'Give one port for all hosts or one for each, and an address for each host or none.',
  );
}

function shuffle(places: (readonly Endpoint[])[], random: () => number): void {
  for (let last = places.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    const moved = places[last];
    const replacement = places[other];
    if (moved === undefined || replacement === undefined) return;
    places[last] = replacement;
    places[other] = moved;
  }
}
