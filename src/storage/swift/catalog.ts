/** What token services tell of where the storage is: lists of services with their URLs, of version 2 and 3. */
import { ArchiverError } from '../../errors.ts';
import type { SwiftLogin } from './config.ts';

/** A URL of a service. */
export interface CatalogEndpoint {
  readonly region: string;
  readonly endpointInterface: string;
  readonly url: string;
}

/** A value of JSON of which nothing is known. */
export type Json = unknown;

/** A member of an object of JSON; undefined when there is none. */
export function memberOf(value: Json, ...names: readonly string[]): Json {
  let found = value;
  for (const name of names) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Readonly<Record<string, Json>>)[name];
  }
  return found;
}

/** The same where it is a text. */
export function textOf(value: Json, ...names: readonly string[]): string | undefined {
  const found = memberOf(value, ...names);
  return typeof found === 'string' ? found : undefined;
}

/** The elements of an array; none of what is no array. */
export function elementsOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** The endpoints of the object storage in a list of services, whose members both versions name alike. */
export function objectStoreEndpoints(
  services: Json,
  endpointsOf: (endpoint: Json) => readonly CatalogEndpoint[],
): readonly CatalogEndpoint[] {
  return elementsOf(services)
    .filter((service) => textOf(service, 'type') === 'object-store')
    .flatMap((service) => elementsOf(memberOf(service, 'endpoints')))
    .flatMap(endpointsOf);
}

/**
 * The URL that the settings mean, without a slash at its end.
 *
 * @throws ArchiverError (`config`) when there is none
 */
export function chosenUrl(
  endpoints: readonly CatalogEndpoint[],
  { region, endpointInterface }: Pick<SwiftLogin, 'region' | 'endpointInterface'>,
): string {
  const found = endpoints.find(
    (endpoint) =>
      endpoint.endpointInterface === endpointInterface && (region === undefined || endpoint.region === region),
  );
  if (found !== undefined) return found.url.replace(/\/+$/, '');
  const regions = [...new Set(endpoints.map((endpoint) => endpoint.region))].join(', ');
  throw new ArchiverError(
    'config',
    `the token service knows no ${endpointInterface} URL of an object storage${region === undefined ? '' : ` in the region "${region}"`}`,
    {
      hint:
        endpoints.length === 0
          ? 'Check the project (OS_PROJECT_NAME and its domain): a token without one opens no storage. Or set OS_STORAGE_URL.'
          : `Check OS_REGION_NAME and OS_ENDPOINT_TYPE; the regions are ${regions}. Or set OS_STORAGE_URL.`,
    },
  );
}
