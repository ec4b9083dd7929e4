import type { S3Client } from '@aws-sdk/client-s3'
import type { Config } from '../platform/config.js'
import { AppError } from '../platform/errors.js'

/** Long enough for a model file over a slow line, short enough that a run does not hang on a store that says nothing. */
const REQUEST_MS = 60_000
const CONNECT_MS = 5000

type Settings = NonNullable<Config['artifacts']>

/**
 * A bucket of S3, or of what speaks like it. Credentials and region come from where the SDK looks for them (`AWS_*`, a
 * role). The SDK is loaded on first use: who keeps model files in the database pays nothing for it.
 */
export class ObjectStore {
  private loading?: Promise<{ sdk: typeof import('@aws-sdk/client-s3'); client: S3Client }>

  constructor(private readonly settings: Settings) {}

  /** @throws AppError as `read` does */
  async write(key: string, bytes: Uint8Array): Promise<void> {
    await this.asked(key, async ({ sdk, client }) =>
      client.send(new sdk.PutObjectCommand({ ...this.place(key), Body: bytes, ContentLength: bytes.length })),
    )
  }

  /**
   * @param length what it has to have: of another one nothing is read
   * @returns null where its length is another
   * @throws AppError ARTIFACT_MISSING (500), OBJECT_STORE_REFUSES (500), OBJECT_STORE_AWAY (503, may pass)
   */
  read(key: string, length: number): Promise<Uint8Array | null> {
    return this.asked(key, async ({ sdk, client }) => {
      const { Body, ContentLength } = await client.send(new sdk.GetObjectCommand(this.place(key)))
      if (ContentLength === length) return (await Body?.transformToByteArray()) ?? null
      // Its bytes would come in, and hold the connection.
      if (Body && 'destroy' in Body) Body.destroy()
      return null
    })
  }

  /** Removes everything below a folder, or one object; what is not there is no trouble. */
  async remove(key: string): Promise<void> {
    if (!key.endsWith('/')) {
      await this.asked(key, ({ sdk, client }) => client.send(new sdk.DeleteObjectCommand(this.place(key))))
      return
    }
    for (;;) {
      const { Bucket, Key: Prefix } = this.place(key)
      const page = await this.asked(key, ({ sdk, client }) =>
        client.send(new sdk.ListObjectsV2Command({ Bucket, Prefix })),
      )
      const found = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]))
      // One by one: the call for many asks for sums that not every server knows.
      for (const Key of found)
        await this.asked(Key, ({ sdk, client }) => client.send(new sdk.DeleteObjectCommand({ Bucket, Key })))
      if (!page.IsTruncated || found.length === 0) return
    }
  }

  private place(key: string) {
    const { bucket, prefix } = this.settings
    return { Bucket: bucket, Key: prefix + key }
  }

  private load() {
    return (this.loading ??= import('@aws-sdk/client-s3').then((sdk) => {
      const { endpoint, region } = this.settings
      const client = new sdk.S3Client({
        ...(region !== undefined && { region }),
        // Buckets as names of hosts need a DNS that few but Amazon's have.
        ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
        // Files are checked by a sum of their own, and not every server takes the SDK's.
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: REQUEST_MS, throwOnRequestTimeout: true },
      })
      return { sdk, client }
    }))
  }

  private async asked<T>(
    key: string,
    work: (loaded: { sdk: typeof import('@aws-sdk/client-s3'); client: S3Client }) => Promise<T>,
  ): Promise<T> {
    const loaded = await this.load()
    return work(loaded).catch((error: unknown) => {
      throw meaning(error, key)
    })
  }
}

/** What an error of the SDK comes to: the thing is not there, the store says no, or it says nothing for now. */
function meaning(error: unknown, key: string): AppError {
  const name = error instanceof Error ? error.name : 'error'
  const status = statusOf(error)
  if (name === 'NoSuchKey' || name === 'NotFound')
    return new AppError('ARTIFACT_MISSING', `The object storage has no '${key}'.`, {
      status: 500,
      retryable: false,
      cause: error,
    })
  const isSetting = status === undefined && (name === 'CredentialsProviderError' || /region/i.test(String(error)))
  if (isSetting || (status !== undefined && status < 500 && status !== 408 && status !== 429))
    return new AppError('OBJECT_STORE_REFUSES', `The object storage refuses: ${name}.`, {
      status: 500,
      retryable: false,
      cause: error,
    })
  return new AppError('OBJECT_STORE_AWAY', `The object storage does not answer: ${name}.`, {
    status: 503,
    retryable: true,
    retryAfter: 5,
    cause: error,
  })
}

function statusOf(error: unknown): number | undefined {
  const metadata = error instanceof Error && '$metadata' in error ? error.$metadata : undefined
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  // The SDK tells the status of an answer that it could not make sense of as well.
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}
