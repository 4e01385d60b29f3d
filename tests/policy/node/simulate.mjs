// Read a list of requests, each with the policy that it is made under, and print what the simulator decides of each.
import { text } from 'node:stream/consumers'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const requests = JSON.parse(await text(process.stdin))
const decisions = []
for (const { policy, action, resource, account, principal } of requests) {
  const answer = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: account }, contextVariables: {} },
      identityPolicies: [{ name: 'printed', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      // What a KMS key has unless somebody gives it another policy.
      resourcePolicy: action.startsWith('kms:')
        ? {
            Version: '2012-10-17',
            Statement: [
              { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'kms:*', Resource: '*' }
            ]
          }
        : undefined
    },
    {}
  )
  if (answer.resultType === 'error') {
    throw new Error(JSON.stringify(answer.errors))
  }
  decisions.push(answer.overallResult)
}
console.log(JSON.stringify(decisions))
