/** Settings of OpenStack Swift (section 7 of `storages.md` in the specification): the names are those of OpenStack's own tools. */
import { boolean, byteSize, duration, integer, path, text } from '../../config/parsers.ts';
import type { Parser } from '../../config/setting.ts';
import { optionalSpelled, spelled } from '../spelled-setting.ts';

const trimmed: Parser<string> = { ...text, parse: (value) => value.trim() };

const versions = new Map<string, 1 | 2 | 3>([
  ...['1', '1.0', 'v1', 'v1.0'].map((word) => [word, 1] as const),
  ...['2', '2.0', 'v2', 'v2.0'].map((word) => [word, 2] as const),
  ...['3', '3.0', 'v3', 'v3.0'].map((word) => [word, 3] as const),
]);

const version: Parser<1 | 2 | 3> = {
  type: '1 | 2 | 3',
  allowed: '1, 2 or 3',
  parse(value) {
    const found = versions.get(value.trim());
    if (found === undefined) throw new Error('not a version');
    return found;
  },
};

/** Who we are, where tokens are given out, and which of the places they open is meant. */
export const swiftLoginSettings = {
  authUrl: optionalSpelled('OS_AUTH_URL', trimmed, 'Where to log in, such as https://host:5000/v3.'),
  v1AuthUrl: optionalSpelled('ST_AUTH', trimmed, 'The same in the words of version 1; goes before OS_AUTH_URL.'),
  authVersion: optionalSpelled(
    'ST_AUTH_VERSION',
    version,
    'How to log in: version 1, 2 or 3. Unset: what OS_AUTH_URL says ("v3", "v2" or "v1" in it).',
    { aliases: ['OS_IDENTITY_API_VERSION'] },
  ),
  userName: optionalSpelled('OS_USERNAME', trimmed, 'User.'),
  v1User: optionalSpelled(
    'ST_USER',
    trimmed,
    'The same in the words of version 1: account:user. Goes before OS_USERNAME.',
  ),
  userId: optionalSpelled('OS_USER_ID', trimmed, 'User by its id, in the place of name and domain.'),
  password: optionalSpelled('OS_PASSWORD', text, 'Password, or API key.', { secret: true }),
  v1Key: optionalSpelled('ST_KEY', text, 'The same in the words of version 1; goes before OS_PASSWORD.', {
    secret: true,
  }),
  userDomainName: optionalSpelled('OS_USER_DOMAIN_NAME', trimmed, 'Domain of the user. Unset: Default.'),
  userDomainId: optionalSpelled('OS_USER_DOMAIN_ID', trimmed, 'Domain of the user by its id.'),
  tenantName: optionalSpelled('OS_TENANT_NAME', trimmed, 'Project that holds the container.'),
  projectName: optionalSpelled(
    'OS_PROJECT_NAME',
    trimmed,
    'The same in the words of version 3; goes before OS_TENANT_NAME.',
  ),
  tenantId: optionalSpelled('OS_TENANT_ID', trimmed, 'Project by its id, in the place of name and domain.', {
    aliases: ['OS_PROJECT_ID'],
  }),
  projectDomainName: optionalSpelled(
    'OS_PROJECT_DOMAIN_NAME',
    trimmed,
    'Domain of the project. Unset: that of the user.',
  ),
  projectDomainId: optionalSpelled('OS_PROJECT_DOMAIN_ID', trimmed, 'Domain of the project by its id.'),
  trustId: optionalSpelled('OS_TRUST_ID', trimmed, 'A trust of Keystone to act by, in the place of a project.'),
  applicationCredentialId: optionalSpelled(
    'OS_APPLICATION_CREDENTIAL_ID',
    trimmed,
    'Application credential, in the place of user and password.',
  ),
  applicationCredentialName: optionalSpelled(
    'OS_APPLICATION_CREDENTIAL_NAME',
    trimmed,
    'Application credential by its name; the user it belongs to has to be told, too.',
  ),
  applicationCredentialSecret: optionalSpelled(
    'OS_APPLICATION_CREDENTIAL_SECRET',
    trimmed,
    'Secret of the application credential.',
    { secret: true },
  ),
  token: optionalSpelled(
    'OS_AUTH_TOKEN',
    trimmed,
    'A token that is there already: with OS_STORAGE_URL nobody is asked for one, without it version 3 exchanges it.',
    { secret: true },
  ),
};

/** Where the storage is, and how it is spoken to. */
export const swiftEndpointSettings = {
  storageUrl: optionalSpelled(
    'OS_STORAGE_URL',
    trimmed,
    'URL of the account, such as https://host/v1/AUTH_name, in the place of the one told at the log-in.',
  ),
  region: optionalSpelled('OS_REGION_NAME', trimmed, 'Region, where there are several. Unset: the first.'),
  endpointType: spelled(
    'OS_ENDPOINT_TYPE',
    trimmed,
    'public',
    'Which of the URLs told at the log-in: public, internal or admin (also publicURL …).',
  ),
  internal: spelled(
    'GOSWIFT_INTERNAL',
    boolean,
    'false',
    'Take the internal URL: as OS_ENDPOINT_TYPE=internal; with version 1, the host with "snet-" before it.',
  ),
  caFile: optionalSpelled(
    'OS_CACERT',
    path,
    'PEM file of the authorities that are trusted instead of those of the system. (walvault only)',
  ),
  retries: spelled('GOSWIFT_RETRIES', integer({ min: 0, max: 1_000 }), '3', 'How often a request is repeated.'),
  connectTimeout: spelled('GOSWIFT_CONNECT_TIMEOUT', duration, '10s', 'Longest wait for a connection.'),
  timeout: spelled(
    'GOSWIFT_TIMEOUT',
    duration,
    '60s',
    'Longest wait for an answer, and for the next byte in either direction.',
  ),
  userAgent: spelled('GOSWIFT_USER_AGENT', trimmed, 'walvault', 'What the program calls itself.'),
};

/** How objects are written. */
export const swiftUploadSettings = {
  segmentSize: spelled(
    'SWIFT_SEGMENT_SIZE',
    byteSize({ min: 1024 * 1024 }),
    '32mb',
    'Size of the segments of longer objects, which lie in the container with "_segments" at its name; less where WALG_MEMORY_LIMIT is tight. What is shorter is one object, as WAL-G writes them. (walvault only)',
    { unit: 'bytes' },
  ),
  segmentConcurrency: spelled(
    'SWIFT_SEGMENT_CONCURRENCY',
    integer({ min: 1, max: 256 }),
    '4',
    'Segments of one object that are sent side by side. (walvault only)',
  ),
};

/** All of them, for documentation and help. */
export const swiftSettings = [swiftLoginSettings, swiftEndpointSettings, swiftUploadSettings];
