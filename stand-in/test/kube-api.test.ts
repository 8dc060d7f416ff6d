import { startKubeApi } from '../src/kube-api.ts'
import { createKubeClient } from '../src/kube-client.ts'
import { kubeContract } from '../src/contract.ts'

describe('the stand-in for the Kubernetes API', () => {
  kubeContract(async () => {
    const api = await startKubeApi()
    let users = 0
    return {
      admin: createKubeClient(api.adminConfig),
      userWith: async (rules) => createKubeClient(api.addUser(`user-${++users}`, rules)),
      stop: () => api.stop(),
    }
  })
})
