import { expect } from 'chai'
import { getCode, redeem } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['AuthorizationCode.prototype.save'],
  holds: {
    'finishCodes: AuthorizationCode.prototype.save writes the grant that the code exchange finds': async (replicas) => {
      const code = await getCode(replicas)
      expect((await redeem(replicas, code)).status).to.equal(200)
    },
  },
}
