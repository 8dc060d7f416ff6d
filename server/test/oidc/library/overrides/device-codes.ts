import { expect } from 'chai'
import { Browser, password } from '@nauthera/harness/browser'
import { allowDevice, fetchDeviceCode, poll } from '@nauthera/harness/device'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['DeviceCode.prototype.save', 'DeviceCode.find'],
  payload: {
    model: 'DeviceCode',
    names: ['clientId', 'params', 'userCode', 'accountId', 'grantId', 'error', 'errorDescription'],
  },
  holds: {
    'deviceCodes: a device gets its tokens once a person has allowed it, and only once': async (replicas) => {
      const code = await fetchDeviceCode(replicas)
      expect((await poll(replicas, code)).json()['error']).to.equal('authorization_pending')
      expect((await poll(replicas, code)).json()['error']).to.equal('slow_down')
      await allowDevice(new Browser(replicas), code.user, { username: 'ada', password })
      expect((await poll(replicas, code)).status).to.equal(200)
      expect((await poll(replicas, code)).json()['error']).to.equal('invalid_grant')
    },
  },
}
