import { describe, expect, it } from 'vitest';
import type { HttpCall, ScriptedAnswer } from '../../../../testtools/services/http-script.ts';
import { openScriptedS3, refusal } from '../../../../testtools/services/scripted-s3.ts';

const hour = 60 * 60 * 1000;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
const upload = (key: string, id: string, begun?: string): string =>
  `<Upload><Key>${key}</Key><UploadId>${id}</UploadId>${begun === undefined ? '' : `<Initiated>${begun}</Initiated>`}</Upload>`;

function server({ method, query }: HttpCall): ScriptedAnswer {
  if (method === 'DELETE') return { status: 204 };
  if (query.has('uploads')) {
    const body = query.has('key-marker')
      ? `<ListMultipartUploadsResult>${upload('db/f/b', 'old', ago(30 * hour))}<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>`
      : `<ListMultipartUploadsResult>${upload('db/f/a', 'young', ago(23 * hour))}${upload('db/f/c', 'busy', ago(40 * hour))}${upload('db/f/d', 'odd')}
         <IsTruncated>true</IsTruncated><NextKeyMarker>db/f/d</NextKeyMarker><NextUploadIdMarker>odd</NextUploadIdMarker></ListMultipartUploadsResult>`;
    return { status: 200, body };
  }
  const time = query.get('uploadId') === 'busy' ? ago(hour) : ago(29 * hour);
  return {
    status: 200,
    body: `<ListPartsResult><Part><PartNumber>1</PartNumber><LastModified>${time}</LastModified></Part></ListPartsResult>`,
  };
}

describe('what killed uploads left in S3', () => {
  it('is removed when it is older than a day and nobody adds to it', async () => {
    await using s3 = await openScriptedS3(server);
    await s3.storage.removeLeftovers('f');
    expect(s3.calls[0]?.query.get('prefix')).toBe('db/f/');
    const removed = s3.calls.filter(({ method }) => method === 'DELETE');
    expect(removed.map(({ path, query }) => [path, query.get('uploadId')])).toEqual([['/bucket/db/f/b', 'old']]);
  });

  it('stays where uploads cannot be listed', async () => {
    for (const answer of [refusal(403, 'AccessDenied'), refusal(501, 'NotImplemented'), { status: 405 }]) {
      await using s3 = await openScriptedS3(() => answer);
      await s3.storage.removeLeftovers('');
      expect(s3.asked()).toEqual(['GET ?prefix&uploads']);
    }
  });
});
