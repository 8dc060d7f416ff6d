import { statusPortName } from '@nauthera/proto/names'
import type { KubeObject } from '@nauthera/stand-in/objects'

/** What the kubelet knows of a pod's containers. */
export interface PodState {
  /** The agent was ready once. */
  started: boolean
  agentReady: boolean
  serverReady: boolean
}

/** @param pod.restarts how often each process was started again
 *  @returns the pod as the API shows it */
export function renderPod(pod: {
  release: string
  namespace: string
  name: string
  statusPort: number
  port: number
  restarts: { agent: number; server: number }
  state: Readonly<PodState>
}): KubeObject {
  const { state, restarts } = pod
  const running = { running: { startedAt: new Date().toISOString().replace(/\.\d+Z$/, 'Z') } }
  const container = (name: string, ready: boolean, restartCount: number) => ({
    name,
    ready,
    started: name === 'config-agent' ? state.started : ready,
    restartCount,
    state: running,
    image: '',
    imageID: '',
  })
  const condition = (type: string, holds: boolean) => ({ type, status: holds ? 'True' : 'False' })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      labels: {
        'app.kubernetes.io/name': 'nauthera',
        'app.kubernetes.io/instance': pod.release,
        'app.kubernetes.io/component': 'server',
      },
    },
    spec: {
      initContainers: [
        {
          name: 'config-agent',
          restartPolicy: 'Always',
          ports: [{ name: statusPortName, containerPort: pod.statusPort }],
        },
      ],
      containers: [{ name: 'server', ports: [{ name: 'http', containerPort: pod.port }] }],
    },
    status: {
      phase: 'Running',
      podIP: '127.0.0.1',
      podIPs: [{ ip: '127.0.0.1' }],
      conditions: [
        condition('Initialized', state.started),
        condition('Ready', state.agentReady && state.serverReady),
        condition('ContainersReady', state.agentReady && state.serverReady),
      ],
      initContainerStatuses: [container('config-agent', state.agentReady, restarts.agent)],
      containerStatuses: [container('server', state.serverReady, restarts.server)],
    },
  }
}
