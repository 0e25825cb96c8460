/**
 * Finds the server by libpq's rules: hosts in turn, TLS and the fallbacks of sslmode, passwords, session attributes. What
 * a connection is made of is in `parameters.ts`; the driver is `pg`, loaded on the first connection.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import { codeOf, messageOf } from '../../errors.ts';
import type { RawSettings } from '../../config/setting.ts';
import type { Logger } from '../../platform/logger.ts';
import { formatEndpoint, isSocket, listEndpoints, usualSocketDirectories } from './endpoints.ts';
import type { Endpoint } from './endpoints.ts';
import { ConnectError, ConnectionParameterError, isRefusal, isServerMessage, PasswordNeededError } from './errors.ts';
import type { FailedAttempt } from './errors.ts';
import { readParameters, systemUser } from './parameters.ts';
import type { Parameters } from './parameters.ts';
import { readPassword } from './password-file.ts';
import { openSession } from './session.ts';
import type { Session } from './session.ts';
import { isWanted, targetOf } from './session-attributes.ts';
import { listEncryptions } from './tls.ts';
import type { Encryption } from './tls.ts';

/** What the driver says when connecting took too long; it has no code. */
const timeoutMessage = 'timeout expired';

/** Makes connections, all to the same server once the first was made. */
export interface Connector {
  /** @throws ConnectError, and the signal's reason */
  connect(options?: ConnectionRequest): Promise<Session>;
}

/** What may differ between connections of one run. */
export interface ConnectionRequest {
  /** Another database than the one that the parameters name. */
  readonly database?: string;
  /** For commands of the replication protocol, of no database; only after a first connection was made. */
  readonly replication?: boolean;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** What {@link openConnector} needs. */
export interface ConnectorOptions {
  readonly logger: Logger;
  readonly home?: string;
  /** For the order of hosts; 0 … 1. */
  readonly random?: () => number;
  /** Never try localhost:5432 in the place of a host that does not answer, as WAL-G does; default false. */
  readonly onlyNamed?: boolean;
}

interface Route {
  readonly endpoint: Endpoint;
  readonly encryption: Encryption;
  readonly database: string;
}

/**
 * Reads the parameters of the connection; connects to nothing yet.
 *
 * @throws ConnectionParameterError, SettingError
 */
export function openConnector(
  raw: RawSettings,
  { logger, home = homedir(), random, onlyNamed = false }: ConnectorOptions,
): Connector {
  const parameters = readParameters(raw, home);
  if (parameters.ignoredUrl === 'other database') logger.warn('DATABASE_URL is for another kind of database; ignored');
  if (parameters.ignoredUrl === 'other variables')
    logger.debug('DATABASE_URL is ignored: PG variables name the server');
  refuseUnsupported(parameters);
  const endpoints = listEndpoints(parameters, random);
  return new RouteFinder({ parameters, endpoints, home, logger, onlyNamed });
}

function refuseUnsupported(parameters: Parameters): void {
  parameters.word('gssencmode', ['prefer', 'disable']);
  parameters.word('channel_binding', ['disable', 'prefer']);
  parameters.word('sslnegotiation', ['postgres', 'direct']);
}

class RouteFinder implements Connector {
  readonly #parameters: Parameters;
  readonly #endpoints: readonly Endpoint[];
  readonly #home: string;
  readonly #logger: Logger;
  readonly #user: string;
  readonly #onlyNamed: boolean;
  #route: Route | undefined;

  constructor(options: {
    readonly parameters: Parameters;
    readonly endpoints: readonly Endpoint[];
    readonly home: string;
    readonly logger: Logger;
    readonly onlyNamed: boolean;
  }) {
    this.#onlyNamed = options.onlyNamed;
    this.#parameters = options.parameters;
    this.#endpoints = options.endpoints;
    this.#home = options.home;
    this.#logger = options.logger;
    this.#user = options.parameters.get('user') ?? systemUser();
  }

  async connect(request: ConnectionRequest = {}): Promise<Session> {
    if (this.#route !== undefined) {
      const { endpoint } = this.#route;
      try {
        return await this.#open({ ...this.#route, database: request.database ?? this.#route.database }, request);
      } catch (error) {
        request.signal?.throwIfAborted();
        throw new ConnectError([{ place: formatEndpoint(endpoint), error }]);
      }
    }
    const failed: FailedAttempt[] = [];
    const session = (await this.#search(this.#endpoints, request, failed)) ?? (await this.#lastResort(request, failed));
    if (session === undefined) throw new ConnectError(failed);
    return session;
  }

  /** Tries places in turn, once more for `prefer-standby`. A refusal ends the search, as it does in libpq. */
  async #search(
    endpoints: readonly Endpoint[],
    request: ConnectionRequest,
    failed: FailedAttempt[],
  ): Promise<Session | undefined> {
    for (const target of targetOf(this.#parameters)) {
      failed.length = 0;
      for (const endpoint of endpoints) {
        try {
          const { session, route } = await this.#approach(endpoint, request);
          const unwanted = await isWanted(session, target);
          if (unwanted === undefined) {
            this.#route = route;
            return session;
          }
          await session.end();
          failed.push({ place: formatEndpoint(endpoint), error: unwanted });
        } catch (error) {
          request.signal?.throwIfAborted();
          if (error instanceof ConnectionParameterError) throw error;
          failed.push({ place: formatEndpoint(endpoint), error });
          if (isRefusal(error)) return undefined;
        }
      }
    }
    return undefined;
  }

  /** WAL-G tries localhost:5432 when the host that was named does not answer. */
  async #lastResort(request: ConnectionRequest, failed: FailedAttempt[]): Promise<Session | undefined> {
    const endpoint: Endpoint = { host: 'localhost', address: undefined, port: 5432 };
    const isNamed = this.#parameters.originOf('host') === 'PGHOST';
    const isTried = this.#endpoints.some(({ host, port }) => port === 5432 && /^(?:localhost|127\.|::1$)/.test(host));
    if (
      this.#onlyNamed ||
      !isNamed ||
      isTried ||
      failed.some(({ error }) => isServerMessage(error) || isRefusal(error))
    )
      return undefined;
    this.#logger.warn('cannot connect by PGHOST and PGPORT, trying localhost:5432');
    const before = [...failed];
    const session = await this.#search([endpoint], request, failed);
    failed.unshift(...before);
    return session;
  }

  /** Connects to one place by the first way of encryption and the first database that work. */
  async #approach(
    endpoint: Endpoint,
    request: ConnectionRequest,
  ): Promise<{ readonly session: Session; readonly route: Route }> {
    const encryptions = listEncryptions(this.#parameters, endpoint, this.#home);
    const named = this.#parameters.get('dbname');
    const databases = named === undefined ? [this.#user, 'postgres'] : [named];
    let lastError: unknown;
    for (const encryption of encryptions) {
      for (const database of databases) {
        const route: Route = { endpoint, encryption, database };
        try {
          return { session: await this.#open({ ...route, database: request.database ?? database }, request), route };
        } catch (error) {
          request.signal?.throwIfAborted();
          lastError = error;
          if (codeOf(error) !== '3D000') break;
        }
      }
      if (!mayHelpOtherEncryption(lastError)) break;
    }
    throw lastError;
  }

  async #open(route: Route, request: ConnectionRequest): Promise<Session> {
    const location = formatEndpoint(route.endpoint);
    this.#logger.debug('connecting', { location, database: route.database, tls: route.encryption !== false });
    return openSession(this.#driverConfig(route, request), {
      location,
      logger: this.#logger,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
  }

  #driverConfig(route: Route, request: ConnectionRequest): ClientConfig {
    const { endpoint, encryption, database } = route;
    const options = this.#parameters.get('options');
    const direct = encryption !== false && this.#parameters.get('sslnegotiation') === 'direct';
    const limitS = this.#parameters.integer('connect_timeout', { min: -1, max: 2_147_483 }) ?? 0;
    const config: ClientConfig = {
      host: endpoint.address ?? endpoint.host,
      port: endpoint.port,
      user: this.#user,
      database,
      // The driver would look at the process environment for what is undefined; a function is asked only if need be.
      password: () => this.#password(request.replication === true ? { ...route, database: 'replication' } : route),
      ssl: encryption,
      sslnegotiation: direct ? 'direct' : 'postgres',
      enableChannelBinding: encryption !== false && this.#parameters.get('channel_binding') === 'prefer',
      application_name: this.#parameters.get('application_name') ?? 'wal-g',
      connectionTimeoutMillis: request.timeoutMs ?? (limitS <= 0 ? 0 : Math.max(limitS, 2) * 1_000),
      ...(options === undefined ? {} : { options }),
    };
    // The driver knows this parameter, its types don't.
    return request.replication === true ? Object.assign(config, { replication: 'true' }) : config;
  }

  #password({ endpoint, database }: Route): string {
    const given = this.#parameters.get('password');
    if (given !== undefined) return given;
    const file = this.#parameters.get('passfile') ?? join(this.#home, '.pgpass');
    const isUsual = isSocket(endpoint) && usualSocketDirectories.includes(endpoint.host);
    const hosts = [endpoint.host, ...(isUsual ? ['localhost'] : [])];
    const found = readPassword(file, { hosts, port: endpoint.port, database, user: this.#user }, this.#logger);
    if (found === undefined) throw new PasswordNeededError(this.#user);
    return found;
  }
}

/** The other way of sslmode `prefer` or `allow` may help after a failed handshake or a refusal by pg_hba.conf. */
function mayHelpOtherEncryption(error: unknown): boolean {
  if (isServerMessage(error)) return codeOf(error) === '28000';
  if (error instanceof PasswordNeededError || messageOf(error) === timeoutMessage) return false;
  const code = codeOf(error);
  return code === undefined || code === 'ECONNRESET' || code === 'EPROTO' || code.startsWith('ERR_');
}
