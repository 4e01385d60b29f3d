// Encrypts and decrypts with @aws-crypto/client-node for the tests beside it: a JSON object per line comes in, one per
// line goes out. Bytes are base64. It ends when its input does.
'use strict'

const readline = require('node:readline')
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb')
const { KMSClient } = require('@aws-sdk/client-kms')
const sdk = require('@aws-crypto/client-node')

const { CommitmentPolicy } = sdk
const POLICIES = {
  committing: CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT,
  'not-committing': CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT,
}
const clients = Object.fromEntries(
  Object.entries(POLICIES).map(([name, policy]) => [name, sdk.buildClient(policy)])
)
const WRAPPING_SUITES = {
  16: sdk.RawAesWrappingSuiteIdentifier.AES128_GCM_IV12_TAG16_NO_PADDING,
  24: sdk.RawAesWrappingSuiteIdentifier.AES192_GCM_IV12_TAG16_NO_PADDING,
  32: sdk.RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
}
const caches = new Map()

// The SDK wants a key that is not a view into a larger buffer.
function isolated(base64) {
  const bytes = Buffer.from(base64, 'base64')
  const copy = new Uint8Array(new ArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }

function keyStoreOf({ table, logicalName, arn, endpoint }) {
  const options = { region: 'us-east-1', endpoint, credentials }
  return new sdk.BranchKeyStoreNode({
    logicalKeyStoreName: logicalName,
    storage: { ddbTableName: table, ddbClient: new DynamoDBClient(options) },
    keyManagement: { kmsClient: new KMSClient(options) },
    kmsConfiguration: { identifier: arn },
  })
}

function keyringOf({ raw, kms, keyStore, branchKeyId }) {
  if (keyStore) {
    return new sdk.KmsHierarchicalKeyRingNode({
      branchKeyId,
      keyStore: keyStoreOf(keyStore),
      cacheLimitTtl: 60,
      utf8Sorting: true, // as for raw keyrings
    })
  }
  if (raw) {
    return new sdk.RawAesKeyringNode({
      keyNamespace: raw.namespace,
      keyName: raw.name,
      unencryptedMasterKey: isolated(raw.key),
      wrappingSuite: WRAPPING_SUITES[Buffer.from(raw.key, 'base64').length],
      utf8Sorting: true, // without it, keys are sorted by UTF-16, and astral ones end up elsewhere
    })
  }
  const clientProvider = (region) => new sdk.KMS({ region, endpoint: kms.endpoint, credentials })
  return new sdk.KmsKeyringNode({ generatorKeyId: kms.arn, clientProvider })
}

function materialsOf(request) {
  const keyring = keyringOf(request)
  if (!request.cache) return keyring
  if (!caches.has(request.cache)) {
    const cache = sdk.getLocalCryptographicMaterialsCache(100)
    caches.set(
      request.cache,
      new sdk.NodeCachingMaterialsManager({ backingMaterials: keyring, cache, maxAge: 60_000, partition: request.cache })
    )
  }
  return caches.get(request.cache)
}

const operations = {
  async encrypt(request) {
    const { result } = await clients[request.policy].encrypt(
      materialsOf(request),
      Buffer.from(request.plaintext, 'base64'),
      { encryptionContext: request.context, suiteId: request.suite, frameLength: request.frameLength }
    )
    return { message: result.toString('base64') }
  },
  async decrypt(request) {
    const { plaintext, messageHeader } = await clients[request.policy].decrypt(
      materialsOf(request),
      Buffer.from(request.message, 'base64')
    )
    return { plaintext: plaintext.toString('base64'), context: messageHeader.encryptionContext }
  },
}

Object.assign(operations, {
  async createKey(request) {
    await keyStoreOf(request.keyStore).createKey({
      branchKeyIdentifier: request.branchKeyId,
      encryptionContext: request.context,
    })
    return {}
  },
  async versionKey(request) {
    await keyStoreOf(request.keyStore).versionKey({ branchKeyIdentifier: request.branchKeyId })
    return {}
  },
  async activeVersion(request) {
    const material = await keyStoreOf(request.keyStore).getActiveBranchKey(request.branchKeyId)
    return { version: Buffer.from(material.branchKeyVersion).toString() }
  },
})

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line)
    let answer
    try {
      answer = await operations[request.operation](request)
    } catch (error) {
      answer = { error: String(error) }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
}

main()
