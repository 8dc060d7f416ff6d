import { createKubeClient } from '../../scripts/local/kube-client.ts'
import { kubeContract } from './kube-contract.ts'
import { connectRealApi } from './real-api.ts'

describe('a real API server', () => {
  kubeContract(async () => {
    const { admin, addUser, removeDefinitions } = await connectRealApi()
    return {
      admin,
      userWith: async (rules, namespace) => createKubeClient(await addUser(rules, namespace)),
      stop: removeDefinitions,
    }
  })
})
