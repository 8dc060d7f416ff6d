import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { kubeContract } from '@nauthera/stand-in/contract'
import { connectRealApi } from './real-api.ts'

describe('a real API server', () => {
  kubeContract(async () => {
    const { admin, addUser, removeBrought } = await connectRealApi()
    return {
      admin,
      userWith: async (rules, namespace) => createKubeClient(await addUser(rules, namespace)),
      stop: removeBrought,
    }
  })
})
