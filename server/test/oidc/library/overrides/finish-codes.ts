import { expect } from 'chai'
import { fetchCode, redeem } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['AuthorizationCode.prototype.save'],
  holds: {
    'finishCodes: issuing a code stores the grant that the code exchange needs': async (replicas) => {
      const code = await fetchCode(replicas)
      expect((await redeem(replicas, code)).status).to.equal(200)
    },
  },
}
