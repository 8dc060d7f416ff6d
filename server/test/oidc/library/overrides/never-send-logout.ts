import { expect } from 'chai'
import { neverSendLogout } from '../../../../src/oidc/library/overrides/never-send-logout.ts'
import { stockInternals } from './stock.ts'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Client.prototype.backchannelLogout'],
  holds: {
    'neverSendLogout: a logout sends no back-channel request': async () => {
      const stock = stockInternals()
      neverSendLogout(stock)
      expect(await stock.Client.prototype.backchannelLogout()).to.equal(undefined)
    },
  },
}
