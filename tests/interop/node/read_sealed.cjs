// Reads sealed records, tokens and checkpoints with @aws-crypto/client-node for the tests beside it: a vector of
// tests/vectors/sealed.json per line comes in, {result} or {error} goes out. The arguments are the wrapping key's.
'use strict'
const readline = require('node:readline')
const sdk = require('@aws-crypto/client-node')
const { unseal } = require('./read_record.cjs')

const { decrypt } = sdk.buildClient(sdk.CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
const [keyNamespace, keyName, key] = process.argv.slice(2)
const keyring = new sdk.RawAesKeyringNode({
  keyNamespace,
  keyName,
  unencryptedMasterKey: Uint8Array.from(Buffer.from(key, 'base64')),
  wrappingSuite: sdk.RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
})

// The kind is authenticated, and the only thing that tells a record, a token and a checkpoint from any other message.
async function open(message, kind) {
  const { plaintext, messageHeader } = await decrypt(keyring, message)
  if (messageHeader.encryptionContext['warmkey-kind'] !== kind) throw Error(`not a ${kind}`)
  return plaintext
}

const operations = {
  async record({ record: { _sealed, ...rest }, bound_to: boundTo = {} }) {
    const message = Buffer.from(_sealed.$b ?? _sealed, 'base64') // takes either alphabet
    return unseal(rest, await open(message, 'record'), boundTo)
  },
  async token({ token, now }) {
    const plaintext = await open(Buffer.from(token, 'base64url'), 'token')
    if (plaintext.length < 9 || plaintext[0] !== 1) throw Error('not version 1')
    const expiry = plaintext.readBigUInt64BE(1)
    if (expiry !== 2n ** 64n - 1n && now >= Number(expiry)) throw Error('expired')
    return plaintext.subarray(9).toString('base64url')
  },
  async checkpoint({ checkpoint, place }) {
    const plaintext = await open(Buffer.from(checkpoint, 'base64url'), 'checkpoint')
    if (plaintext.length < 5 || plaintext[0] !== 1) throw Error('not version 1')
    const operationEnd = 5 + plaintext.readUInt16BE(1)
    const arnEnd = operationEnd + plaintext.readUInt16BE(3)
    const found = [plaintext.subarray(5, operationEnd), plaintext.subarray(operationEnd, arnEnd)].map(String)
    if (found.join('\0') !== (place ?? ['', '']).join('\0')) throw Error('of another place')
    return plaintext.subarray(arnEnd).toString()
  },
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const vector = JSON.parse(line)
    const answer = await operations[vector.kind](vector).then(
      (result) => ({ result }),
      (error) => ({ error: String(error) })
    )
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
}

main()
