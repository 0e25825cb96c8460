/** The URLs of buckets and objects, as the SDK of AWS makes them. */
import type { Key } from '../storage.ts';
import type { S3Config } from './config.ts';

/** Domains of the parts of AWS, by how the names of their regions begin. */
const domains: readonly (readonly [RegExp, string])[] = [
  [/^cn-/, 'amazonaws.com.cn'],
  [/^us-iso-/, 'c2s.ic.gov'],
  [/^us-isob-/, 'sc2s.sgov.gov'],
  [/^eu-isoe-/, 'cloud.adc-e.uk'],
  [/^us-isof-/, 'csp.hci.ic.gov'],
  [/^eusc-/, 'amazonaws.eu'],
];

/** The domain of AWS that a region belongs to: `amazonaws.com` of most. */
export function awsDomain(region: string): string {
  return domains.find(([names]) => names.test(region))?.[1] ?? 'amazonaws.com';
}

/** The URL of the bucket, without a slash at its end. */
export function bucketUrl(
  { bucket, endpoint, pathStyle, dualStack }: Pick<S3Config, 'bucket' | 'endpoint' | 'pathStyle' | 'dualStack'>,
  region: string,
): string {
  const scheme = endpoint?.protocol ?? 'https:';
  const host = endpoint?.host ?? `s3.${dualStack ? 'dualstack.' : ''}${region}.${awsDomain(region)}`;
  const base = endpoint?.pathname.replace(/\/+$/, '') ?? '';
  return pathStyle ? `${scheme}//${host}${base}/${encoded(bucket)}` : `${scheme}//${bucket}.${host}${base}`;
}

/** Percent-escapes everything but unreserved characters, as signatures demand (RFC 3986). */
export function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The same for a key, whose slashes stay. */
export function encodedKey(key: Key): string {
  return key.split('/').map(encoded).join('/');
}

/** `?a=1&b=`, sorted as signatures demand; '' without parameters. Undefined ones are left out. */
export function queryOf(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const pairs = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encoded(name)}=${encoded(String(value))}`],
  );
  return pairs.length === 0 ? '' : `?${pairs.sort().join('&')}`;
}
