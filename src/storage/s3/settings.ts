/** Settings of S3 and its compatibles (`storages.md` 2.1 of the specification). */
import { boolean, integer, oneOf, path, text } from '../../config/parsers.ts';
import { optionalSetting, type Parser } from '../../config/setting.ts';
import { optionalSpelled, spelled } from '../spelled-setting.ts';

const trimmed: Parser<string> = { ...text, parse: (value) => value.trim() };
const milliseconds = integer({ min: 0, max: 3_600_000 });

/** Who we are to the storage. */
export const s3CredentialSettings = {
  accessKeyId: optionalSpelled(
    'AWS_ACCESS_KEY_ID',
    trimmed,
    'Access key. Unset, or without its secret: what the chain of AWS finds (profile, web identity, container, instance).',
    { aliases: ['AWS_ACCESS_KEY'] },
  ),
  secretAccessKey: optionalSpelled('AWS_SECRET_ACCESS_KEY', trimmed, 'The secret of the access key.', {
    aliases: ['AWS_SECRET_KEY'],
    secret: true,
  }),
  sessionToken: optionalSpelled('AWS_SESSION_TOKEN', trimmed, 'Session token of a temporary access key.', {
    aliases: ['AWS_SECURITY_TOKEN'],
    secret: true,
  }),
  profile: optionalSpelled('AWS_PROFILE', trimmed, 'Profile of the files of AWS.'),
  credentialsFile: optionalSpelled('AWS_SHARED_CREDENTIALS_FILE', path, 'File of profiles with access keys.'),
  configFile: optionalSpelled('AWS_CONFIG_FILE', path, 'File of profiles with roles and regions.'),
  roleArn: optionalSpelled(
    'AWS_ROLE_ARN',
    trimmed,
    'Role to assume with the credentials found, or with AWS_WEB_IDENTITY_TOKEN_FILE.',
  ),
  roleSessionName: optionalSpelled('AWS_ROLE_SESSION_NAME', trimmed, 'Name of the session in which a role is assumed.'),
  webIdentityTokenFile: optionalSpelled(
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    path,
    'File with the token that is exchanged for the role AWS_ROLE_ARN.',
  ),
  stsEndpoint: optionalSpelled(
    'AWS_ENDPOINT_URL_STS',
    trimmed,
    'URL of the service that roles are asked of. Unset: that of AWS in the region.',
  ),
  yandexSessionToken: spelled(
    'S3_USE_YC_SESSION_TOKEN',
    boolean,
    'false',
    'Take the credentials from the metadata service of an instance of Yandex Cloud, and send its token.',
  ),
};

/** Where the storage is, and how it is spoken to. */
export const s3EndpointSettings = {
  region: optionalSpelled(
    'AWS_REGION',
    trimmed,
    'Region of the bucket. Unset: AWS_DEFAULT_REGION; else AWS is asked at every start, and elsewhere it is us-east-1.',
  ),
  defaultRegion: optionalSpelled('AWS_DEFAULT_REGION', trimmed, 'Region where AWS_REGION is not set.'),
  endpoint: optionalSpelled(
    'AWS_ENDPOINT',
    trimmed,
    'URL or host of the storage; https without a scheme. Unset: AWS.',
    { aliases: ['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'] },
  ),
  bucketName: optionalSetting(
    'BUCKET_NAME',
    trimmed,
    'Bucket where WALG_S3_PREFIX is not set and AWS_ENDPOINT_URL_S3 is, as hosts of Tigris have it.',
  ),
  forcePathStyle: spelled(
    'AWS_S3_FORCE_PATH_STYLE',
    boolean,
    'false',
    'Name the bucket in the path of the URL and not in its host.',
  ),
  dualStack: spelled('AWS_DUAL_STACK', boolean, 'false', 'Use the hosts of AWS that have IPv6 addresses, too.'),
  caFile: optionalSpelled(
    'S3_CA_CERT_FILE',
    path,
    'PEM file of the authorities that are trusted instead of those of the system.',
    { aliases: ['AWS_CA_BUNDLE'] },
  ),
  endpointSource: optionalSpelled(
    'S3_ENDPOINT_SOURCE',
    trimmed,
    'URL that is asked before each request for the address to connect to in the place of that of the endpoint.',
  ),
  endpointPort: spelled(
    'S3_ENDPOINT_PORT',
    integer({ min: 1, max: 65_535 }),
    '443',
    'Port at the address that S3_ENDPOINT_SOURCE gives.',
  ),
  endpointProtocol: optionalSpelled(
    'S3_ENDPOINT_PROTOCOL',
    oneOf('http', 'https'),
    'Scheme with S3_ENDPOINT_SOURCE. Unset: that of AWS_ENDPOINT.',
  ),
  additionalHeaders: optionalSpelled(
    'S3_REQUEST_ADDITIONAL_HEADERS',
    text,
    'Headers of every request: a map of names to texts, or a list of such maps, as JSON or YAML.',
    { secret: true },
  ),
  checksums: spelled(
    'S3_CHECKSUMS',
    oneOf('when_supported', 'when_required'),
    'when_supported',
    'Send and check CRC-32 checksums; when_required for storages that refuse their headers: uploads are then protected by a signed SHA-256. (walvault only)',
  ),
  payloadSigning: spelled(
    'S3_PAYLOAD_SIGNING',
    oneOf('always', 'without_tls', 'never'),
    'without_tls',
    'When signatures cover the bytes of uploads, by SHA-256. Otherwise TLS or the checksum protects them; without a checksum they are always covered. (walvault only)',
  ),
  maxRetries: spelled(
    'S3_MAX_RETRIES',
    integer({ min: 0, max: 1_000 }),
    '15',
    'How often a request is repeated that failed for a reason that may pass; it ends after some minutes all the same.',
  ),
  minThrottlingDelay: spelled(
    'S3_MIN_THROTTLING_RETRY_DELAY',
    milliseconds,
    '500',
    'First pause after an answer that asks for fewer requests.',
    { unit: 'ms' },
  ),
  maxThrottlingDelay: spelled(
    'S3_MAX_THROTTLING_RETRY_DELAY',
    milliseconds,
    '300000',
    'Longest pause after such answers.',
    { unit: 'ms' },
  ),
  disableContinue: spelled(
    'S3_DISABLE_100_CONTINUE',
    boolean,
    'true',
    'Accepted as in WAL-G; the header Expect is never sent, which saves a round trip.',
  ),
  logLevel: optionalSpelled(
    'S3_LOG_LEVEL',
    text,
    'DEVEL logs every request; otherwise they are seen only with WALG_LOG_LEVEL=DEVEL.',
  ),
};

/** How objects are written and looked for. */
export const s3ObjectSettings = {
  storageClass: spelled('S3_STORAGE_CLASS', trimmed, 'STANDARD', 'Storage class of new objects.'),
  encryption: optionalSpelled('S3_SSE', oneOf('AES256', 'aws:kms'), 'Encryption by the storage: AES256 or aws:kms.'),
  kmsKeyId: optionalSpelled('S3_SSE_KMS_ID', trimmed, 'Key of KMS, with S3_SSE=aws:kms.'),
  customerKey: optionalSpelled(
    'S3_SSE_C',
    text,
    'Customer key for encryption by the storage: 32 characters. Only with S3_SSE, and over https.',
    { secret: true },
  ),
  retentionSeconds: spelled(
    'S3_RETENTION_PERIOD',
    integer(),
    '-1',
    'How long new objects are locked; -1: not at all.',
    { unit: 's' },
  ),
  retentionMode: spelled('S3_RETENTION_MODE', oneOf('GOVERNANCE', 'COMPLIANCE'), 'GOVERNANCE', 'Kind of that lock.'),
  maxPartSize: spelled(
    'S3_MAX_PART_SIZE',
    integer({ min: 1 }),
    '20971520',
    'Size of the parts of a multipart upload, at least 5 MiB; it grows for objects of more than 10,000 parts.',
    { unit: 'bytes' },
  ),
  rangeBatch: spelled(
    'S3_RANGE_BATCH_ENABLED',
    boolean,
    'true',
    'Accepted as in WAL-G; downloads that break off always go on where they were.',
  ),
  rangeMaxRetries: spelled(
    'S3_RANGE_MAX_RETRIES',
    integer({ min: 0, max: 1_000 }),
    '10',
    'How often a download that broke off goes on without having come any further.',
  ),
  useListV1: spelled(
    'S3_USE_LIST_OBJECTS_V1',
    boolean,
    'false',
    'List by the old request, for storages that lack the new one.',
  ),
  versioning: optionalSpelled(
    'S3_ENABLE_VERSIONING',
    oneOf('enabled', 'disabled'),
    'Whether the bucket keeps versions, which are then deleted, too. Unset: the bucket is asked before the first deletion.',
  ),
  deleteBatchSize: spelled(
    'S3_DELETE_BATCH_SIZE',
    integer({ max: 1_000 }),
    '1000',
    'Objects deleted by one request; 0 and less: 1000.',
  ),
  skipValidation: spelled(
    'S3_SKIP_VALIDATION',
    boolean,
    'true',
    'false: list one object at start and end the run if that fails.',
  ),
};

/** All of them, for documentation. */
export const s3Settings = [s3EndpointSettings, s3CredentialSettings, s3ObjectSettings] as const;
