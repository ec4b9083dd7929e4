/** What operators serve beside Kubernetes' own resources, as published with them. */
export const DEFINITIONS = [
  {
    module: 'github.com/kedacore/keda/v2@v2.18.1',
    folder: 'config/crd/bases',
    files: ['keda.sh_scaledobjects.yaml', 'keda.sh_triggerauthentications.yaml'],
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    folder: 'example/prometheus-operator-crd',
    files: ['servicemonitors', 'podmonitors', 'prometheusrules'].map((name) => `monitoring.coreos.com_${name}.yaml`),
  },
]
