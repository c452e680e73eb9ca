// Made from crds/*.yaml by hack/gen-crd-types.ts (npm run generate). Do not edit.

/** OpenAPI v3 schemas of our kinds, without descriptions. */
export const SCHEMAS: Readonly<Record<string, object>> = {
 "MeshPolicy": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {
    "type": "object"
   },
   "spec": {
    "type": "object",
    "title": "MeshPolicySpec",
    "required": [
     "targetRefs"
    ],
    "properties": {
     "targetRefs": {
      "type": "array",
      "minItems": 1,
      "maxItems": 16,
      "x-kubernetes-list-type": "atomic",
      "items": {
       "type": "object",
       "title": "TrafficTarget",
       "required": [
        "kind"
       ],
       "properties": {
        "kind": {
         "type": "string",
         "enum": [
          "Service",
          "Namespace"
         ]
        },
        "name": {
         "type": "string",
         "minLength": 1,
         "maxLength": 63,
         "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
        },
        "namespace": {
         "type": "string",
         "minLength": 1,
         "maxLength": 63,
         "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
        },
        "sectionName": {
         "type": "string",
         "minLength": 1,
         "maxLength": 63,
         "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
        }
       }
      }
     },
     "defaults": {
      "type": "object",
      "title": "TrafficDefaults",
      "minProperties": 1,
      "properties": {
       "timeouts": {
        "type": "object",
        "title": "Timeouts",
        "minProperties": 1,
        "properties": {
         "request": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
         },
         "perTry": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
         },
         "streamIdle": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
         }
        }
       },
       "retries": {
        "type": "object",
        "title": "Retries",
        "required": [
         "attempts"
        ],
        "properties": {
         "attempts": {
          "type": "integer",
          "format": "int32",
          "minimum": 0,
          "maximum": 10
         },
         "retryOn": {
          "type": "array",
          "maxItems": 6,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "enum": [
            "5xx",
            "gateway-error",
            "reset",
            "connect-failure",
            "refused-stream",
            "per-try-timeout"
           ]
          }
         },
         "statuses": {
          "type": "array",
          "maxItems": 32,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "integer",
           "format": "int32",
           "minimum": 400,
           "maximum": 599
          }
         },
         "methods": {
          "type": "array",
          "maxItems": 16,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "maxLength": 32,
           "pattern": "^[A-Z][A-Z-]*$"
          }
         },
         "idempotencyKeyHeader": {
          "type": "string",
          "minLength": 1,
          "maxLength": 128,
          "pattern": "^[A-Za-z0-9!#$%&'*+.^_|~-]+$"
         },
         "backoff": {
          "type": "object",
          "required": [
           "base",
           "max"
          ],
          "properties": {
           "base": {
            "type": "string",
            "maxLength": 32,
            "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
           },
           "max": {
            "type": "string",
            "maxLength": 32,
            "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
           }
          }
         },
         "budget": {
          "type": "object",
          "required": [
           "percent",
           "minPerSecond"
          ],
          "properties": {
           "percent": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 100
           },
           "minPerSecond": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 1000
           }
          }
         }
        }
       }
      }
     },
     "subsets": {
      "type": "array",
      "maxItems": 16,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": [
       "name"
      ],
      "items": {
       "type": "object",
       "title": "SubsetSpec",
       "required": [
        "name",
        "labels"
       ],
       "properties": {
        "name": {
         "type": "string",
         "minLength": 1,
         "maxLength": 63,
         "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
        },
        "labels": {
         "type": "object",
         "minProperties": 1,
         "maxProperties": 8,
         "additionalProperties": {
          "type": "string",
          "maxLength": 63,
          "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
         }
        },
        "onEmpty": {
         "type": "string",
         "enum": [
          "Redistribute",
          "Fail"
         ]
        }
       }
      }
     },
     "routes": {
      "type": "array",
      "maxItems": 32,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": [
       "name"
      ],
      "items": {
       "type": "object",
       "title": "RouteSpec",
       "required": [
        "name"
       ],
       "properties": {
        "name": {
         "type": "string",
         "minLength": 1,
         "maxLength": 63,
         "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
        },
        "matches": {
         "type": "array",
         "minItems": 1,
         "maxItems": 8,
         "x-kubernetes-list-type": "atomic",
         "items": {
          "type": "object",
          "title": "RouteMatchSpec",
          "minProperties": 1,
          "properties": {
           "path": {
            "type": "object",
            "title": "PathMatch",
            "required": [
             "type",
             "value"
            ],
            "properties": {
             "type": {
              "type": "string",
              "enum": [
               "Exact",
               "PathPrefix"
              ]
             },
             "value": {
              "type": "string",
              "minLength": 1,
              "maxLength": 240,
              "pattern": "^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$"
             }
            }
           },
           "method": {
            "type": "string",
            "maxLength": 32,
            "pattern": "^[A-Z][A-Z-]*$"
           },
           "headers": {
            "type": "array",
            "minItems": 1,
            "maxItems": 8,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": [
             "name"
            ],
            "items": {
             "type": "object",
             "title": "HeaderMatchSpec",
             "required": [
              "name"
             ],
             "properties": {
              "name": {
               "type": "string",
               "minLength": 1,
               "maxLength": 128,
               "pattern": "^[A-Za-z0-9!#$%&'*+.^_|~-]+$"
              },
              "type": {
               "type": "string",
               "enum": [
                "Exact",
                "Present"
               ]
              },
              "value": {
               "type": "string",
               "minLength": 1,
               "maxLength": 1024
              }
             }
            }
           }
          }
         }
        },
        "backends": {
         "type": "array",
         "minItems": 1,
         "maxItems": 8,
         "x-kubernetes-list-type": "atomic",
         "items": {
          "type": "object",
          "title": "BackendSpec",
          "required": [
           "weight"
          ],
          "properties": {
           "subset": {
            "type": "string",
            "minLength": 1,
            "maxLength": 63,
            "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
           },
           "weight": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 1000000
           }
          }
         }
        },
        "timeouts": {
         "type": "object",
         "title": "Timeouts",
         "minProperties": 1,
         "properties": {
          "request": {
           "type": "string",
           "maxLength": 32,
           "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
          },
          "perTry": {
           "type": "string",
           "maxLength": 32,
           "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
          },
          "streamIdle": {
           "type": "string",
           "maxLength": 32,
           "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
          }
         }
        },
        "retries": {
         "type": "object",
         "title": "Retries",
         "required": [
          "attempts"
         ],
         "properties": {
          "attempts": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 10
          },
          "retryOn": {
           "type": "array",
           "maxItems": 6,
           "x-kubernetes-list-type": "set",
           "items": {
            "type": "string",
            "enum": [
             "5xx",
             "gateway-error",
             "reset",
             "connect-failure",
             "refused-stream",
             "per-try-timeout"
            ]
           }
          },
          "statuses": {
           "type": "array",
           "maxItems": 32,
           "x-kubernetes-list-type": "set",
           "items": {
            "type": "integer",
            "format": "int32",
            "minimum": 400,
            "maximum": 599
           }
          },
          "methods": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "set",
           "items": {
            "type": "string",
            "maxLength": 32,
            "pattern": "^[A-Z][A-Z-]*$"
           }
          },
          "idempotencyKeyHeader": {
           "type": "string",
           "minLength": 1,
           "maxLength": 128,
           "pattern": "^[A-Za-z0-9!#$%&'*+.^_|~-]+$"
          },
          "backoff": {
           "type": "object",
           "required": [
            "base",
            "max"
           ],
           "properties": {
            "base": {
             "type": "string",
             "maxLength": 32,
             "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
            },
            "max": {
             "type": "string",
             "maxLength": 32,
             "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
            }
           }
          },
          "budget": {
           "type": "object",
           "required": [
            "percent",
            "minPerSecond"
           ],
           "properties": {
            "percent": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 100
            },
            "minPerSecond": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 1000
            }
           }
          }
         }
        }
       }
      }
     },
     "unmatched": {
      "type": "string",
      "enum": [
       "Forward",
       "NotFound"
      ]
     },
     "loadBalancing": {
      "type": "object",
      "title": "LoadBalancing",
      "required": [
       "policy"
      ],
      "properties": {
       "policy": {
        "type": "string",
        "enum": [
         "LeastRequest",
         "RoundRobin",
         "Random"
        ]
       }
      }
     },
     "connectionPool": {
      "type": "object",
      "title": "ConnectionPool",
      "minProperties": 1,
      "properties": {
       "connectTimeout": {
        "type": "string",
        "maxLength": 32,
        "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
       },
       "idleTimeout": {
        "type": "string",
        "maxLength": 32,
        "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
       }
      }
     },
     "telemetry": {
      "type": "object",
      "title": "Telemetry",
      "minProperties": 1,
      "properties": {
       "tracing": {
        "type": "object",
        "required": [
         "samplingPercent"
        ],
        "properties": {
         "samplingPercent": {
          "type": "integer",
          "format": "int32",
          "minimum": 0,
          "maximum": 100
         }
        }
       },
       "accessLog": {
        "type": "string",
        "enum": [
         "None",
         "Errors",
         "All"
        ]
       }
      }
     }
    }
   },
   "status": {
    "type": "object",
    "title": "PolicyStatus",
    "properties": {
     "observedGeneration": {
      "type": "integer",
      "format": "int64"
     },
     "target": {
      "type": "string",
      "maxLength": 256
     },
     "summary": {
      "type": "string",
      "maxLength": 32
     },
     "conditions": {
      "type": "array",
      "maxItems": 8,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": [
       "type"
      ],
      "items": {
       "type": "object",
       "title": "Condition",
       "required": [
        "type",
        "status",
        "reason",
        "message",
        "lastTransitionTime"
       ],
       "properties": {
        "type": {
         "type": "string",
         "maxLength": 64
        },
        "status": {
         "type": "string",
         "enum": [
          "True",
          "False",
          "Unknown"
         ]
        },
        "reason": {
         "type": "string",
         "minLength": 1,
         "maxLength": 64,
         "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
        },
        "message": {
         "type": "string",
         "maxLength": 1024
        },
        "observedGeneration": {
         "type": "integer",
         "format": "int64",
         "minimum": 0
        },
        "lastTransitionTime": {
         "type": "string",
         "format": "date-time"
        }
       }
      }
     },
     "rollout": {
      "type": "object",
      "title": "Rollout",
      "required": [
       "generation",
       "selected",
       "inForce",
       "draining",
       "rejected",
       "lagging",
       "unreachable"
      ],
      "properties": {
       "generation": {
        "type": "integer",
        "format": "int64"
       },
       "selected": {
        "type": "integer",
        "format": "int32"
       },
       "inForce": {
        "type": "integer",
        "format": "int32"
       },
       "draining": {
        "type": "integer",
        "format": "int32"
       },
       "rejected": {
        "type": "integer",
        "format": "int32"
       },
       "lagging": {
        "type": "integer",
        "format": "int32"
       },
       "unreachable": {
        "type": "integer",
        "format": "int32"
       }
      }
     },
     "laggards": {
      "type": "array",
      "maxItems": 5,
      "x-kubernetes-list-type": "atomic",
      "items": {
       "type": "object",
       "title": "Laggard",
       "required": [
        "pod",
        "reason"
       ],
       "properties": {
        "pod": {
         "type": "string",
         "maxLength": 317
        },
        "reason": {
         "type": "string",
         "maxLength": 256
        }
       }
      }
     }
    }
   }
  }
 },
 "MeshAccessPolicy": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {
    "type": "object"
   },
   "spec": {
    "type": "object",
    "title": "MeshAccessPolicySpec",
    "required": [
     "targetRefs"
    ],
    "properties": {
     "targetRefs": {
      "type": "array",
      "minItems": 1,
      "maxItems": 1,
      "x-kubernetes-list-type": "atomic",
      "items": {
       "type": "object",
       "title": "AccessTarget",
       "required": [
        "kind"
       ],
       "properties": {
        "kind": {
         "type": "string",
         "enum": [
          "Namespace"
         ]
        }
       }
      }
     },
     "mtls": {
      "type": "object",
      "title": "MtlsSpec",
      "required": [
       "mode"
      ],
      "properties": {
       "mode": {
        "type": "string",
        "enum": [
         "Permissive",
         "Strict"
        ]
       },
       "ports": {
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
         "port"
        ],
        "items": {
         "type": "object",
         "title": "PortMtls",
         "required": [
          "port",
          "mode"
         ],
         "properties": {
          "port": {
           "type": "integer",
           "format": "int32",
           "minimum": 1,
           "maximum": 65535
          },
          "mode": {
           "type": "string",
           "enum": [
            "Permissive",
            "Strict"
           ]
          }
         }
        }
       }
      }
     },
     "authorization": {
      "type": "object",
      "title": "AuthorizationSpec",
      "required": [
       "defaultAction"
      ],
      "properties": {
       "defaultAction": {
        "type": "string",
        "enum": [
         "Allow",
         "Deny"
        ]
       },
       "rules": {
        "type": "array",
        "maxItems": 64,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": [
         "name"
        ],
        "items": {
         "type": "object",
         "title": "AccessRule",
         "required": [
          "name",
          "action",
          "from",
          "to"
         ],
         "properties": {
          "name": {
           "type": "string",
           "minLength": 1,
           "maxLength": 63,
           "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
          },
          "action": {
           "type": "string",
           "enum": [
            "Allow",
            "Deny"
           ]
          },
          "from": {
           "type": "array",
           "minItems": 1,
           "maxItems": 32,
           "x-kubernetes-list-type": "atomic",
           "items": {
            "type": "object",
            "title": "AccessSource",
            "minProperties": 1,
            "properties": {
             "namespace": {
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
             },
             "serviceAccount": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
             },
             "unauthenticated": {
              "type": "boolean",
              "enum": [
               true
              ]
             },
             "anyone": {
              "type": "boolean",
              "enum": [
               true
              ]
             }
            }
           }
          },
          "to": {
           "type": "array",
           "minItems": 1,
           "maxItems": 32,
           "x-kubernetes-list-type": "atomic",
           "items": {
            "type": "object",
            "title": "AccessDestination",
            "minProperties": 1,
            "properties": {
             "anything": {
              "type": "boolean",
              "enum": [
               true
              ]
             },
             "ports": {
              "type": "array",
              "minItems": 1,
              "maxItems": 32,
              "x-kubernetes-list-type": "set",
              "items": {
               "type": "integer",
               "format": "int32",
               "minimum": 1,
               "maximum": 65535
              }
             },
             "methods": {
              "type": "array",
              "minItems": 1,
              "maxItems": 16,
              "x-kubernetes-list-type": "set",
              "items": {
               "type": "string",
               "maxLength": 32,
               "pattern": "^[A-Z][A-Z-]*$"
              }
             },
             "paths": {
              "type": "array",
              "minItems": 1,
              "maxItems": 8,
              "x-kubernetes-list-type": "atomic",
              "items": {
               "type": "object",
               "title": "PathMatch",
               "required": [
                "type",
                "value"
               ],
               "properties": {
                "type": {
                 "type": "string",
                 "enum": [
                  "Exact",
                  "PathPrefix"
                 ]
                },
                "value": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 240,
                 "pattern": "^/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*$"
                }
               }
              }
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   },
   "status": {
    "type": "object",
    "title": "PolicyStatus",
    "properties": {
     "observedGeneration": {
      "type": "integer",
      "format": "int64"
     },
     "target": {
      "type": "string",
      "maxLength": 256
     },
     "summary": {
      "type": "string",
      "maxLength": 32
     },
     "conditions": {
      "type": "array",
      "maxItems": 8,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": [
       "type"
      ],
      "items": {
       "type": "object",
       "title": "Condition",
       "required": [
        "type",
        "status",
        "reason",
        "message",
        "lastTransitionTime"
       ],
       "properties": {
        "type": {
         "type": "string",
         "maxLength": 64
        },
        "status": {
         "type": "string",
         "enum": [
          "True",
          "False",
          "Unknown"
         ]
        },
        "reason": {
         "type": "string",
         "minLength": 1,
         "maxLength": 64,
         "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
        },
        "message": {
         "type": "string",
         "maxLength": 1024
        },
        "observedGeneration": {
         "type": "integer",
         "format": "int64",
         "minimum": 0
        },
        "lastTransitionTime": {
         "type": "string",
         "format": "date-time"
        }
       }
      }
     },
     "rollout": {
      "type": "object",
      "title": "Rollout",
      "required": [
       "generation",
       "selected",
       "inForce",
       "draining",
       "rejected",
       "lagging",
       "unreachable"
      ],
      "properties": {
       "generation": {
        "type": "integer",
        "format": "int64"
       },
       "selected": {
        "type": "integer",
        "format": "int32"
       },
       "inForce": {
        "type": "integer",
        "format": "int32"
       },
       "draining": {
        "type": "integer",
        "format": "int32"
       },
       "rejected": {
        "type": "integer",
        "format": "int32"
       },
       "lagging": {
        "type": "integer",
        "format": "int32"
       },
       "unreachable": {
        "type": "integer",
        "format": "int32"
       }
      }
     },
     "laggards": {
      "type": "array",
      "maxItems": 5,
      "x-kubernetes-list-type": "atomic",
      "items": {
       "type": "object",
       "title": "Laggard",
       "required": [
        "pod",
        "reason"
       ],
       "properties": {
        "pod": {
         "type": "string",
         "maxLength": 317
        },
        "reason": {
         "type": "string",
         "maxLength": 256
        }
       }
      }
     }
    }
   }
  }
 },
 "MeshConfig": {
  "type": "object",
  "required": [
   "spec"
  ],
  "properties": {
   "apiVersion": {
    "type": "string"
   },
   "kind": {
    "type": "string"
   },
   "metadata": {
    "type": "object"
   },
   "spec": {
    "type": "object",
    "title": "MeshConfigSpec",
    "properties": {
     "trustDomain": {
      "type": "string",
      "default": "cluster.local",
      "minLength": 1,
      "maxLength": 253,
      "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
     },
     "certificates": {
      "type": "object",
      "title": "CertificatesSpec",
      "minProperties": 1,
      "properties": {
       "leafTTL": {
        "type": "string",
        "maxLength": 32,
        "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
       }
      }
     },
     "security": {
      "type": "object",
      "title": "SecuritySpec",
      "minProperties": 1,
      "properties": {
       "mtls": {
        "type": "object",
        "required": [
         "minimum"
        ],
        "properties": {
         "minimum": {
          "type": "string",
          "enum": [
           "Permissive",
           "Strict"
          ]
         },
         "portExceptions": {
          "type": "array",
          "maxItems": 32,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "integer",
           "format": "int32",
           "minimum": 1,
           "maximum": 65535
          }
         }
        }
       }
      }
     },
     "defaults": {
      "type": "object",
      "title": "MeshDefaults",
      "minProperties": 1,
      "properties": {
       "timeouts": {
        "type": "object",
        "title": "Timeouts",
        "minProperties": 1,
        "properties": {
         "request": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
         },
         "perTry": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
         },
         "streamIdle": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
         }
        }
       },
       "retries": {
        "type": "object",
        "title": "Retries",
        "required": [
         "attempts"
        ],
        "properties": {
         "attempts": {
          "type": "integer",
          "format": "int32",
          "minimum": 0,
          "maximum": 10
         },
         "retryOn": {
          "type": "array",
          "maxItems": 6,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "enum": [
            "5xx",
            "gateway-error",
            "reset",
            "connect-failure",
            "refused-stream",
            "per-try-timeout"
           ]
          }
         },
         "statuses": {
          "type": "array",
          "maxItems": 32,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "integer",
           "format": "int32",
           "minimum": 400,
           "maximum": 599
          }
         },
         "methods": {
          "type": "array",
          "maxItems": 16,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "maxLength": 32,
           "pattern": "^[A-Z][A-Z-]*$"
          }
         },
         "idempotencyKeyHeader": {
          "type": "string",
          "minLength": 1,
          "maxLength": 128,
          "pattern": "^[A-Za-z0-9!#$%&'*+.^_|~-]+$"
         },
         "backoff": {
          "type": "object",
          "required": [
           "base",
           "max"
          ],
          "properties": {
           "base": {
            "type": "string",
            "maxLength": 32,
            "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
           },
           "max": {
            "type": "string",
            "maxLength": 32,
            "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
           }
          }
         },
         "budget": {
          "type": "object",
          "required": [
           "percent",
           "minPerSecond"
          ],
          "properties": {
           "percent": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 100
           },
           "minPerSecond": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 1000
           }
          }
         }
        }
       },
       "loadBalancing": {
        "type": "object",
        "title": "LoadBalancing",
        "required": [
         "policy"
        ],
        "properties": {
         "policy": {
          "type": "string",
          "enum": [
           "LeastRequest",
           "RoundRobin",
           "Random"
          ]
         }
        }
       },
       "connectionPool": {
        "type": "object",
        "title": "ConnectionPool",
        "minProperties": 1,
        "properties": {
         "connectTimeout": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
         },
         "idleTimeout": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
         }
        }
       },
       "telemetry": {
        "type": "object",
        "title": "Telemetry",
        "minProperties": 1,
        "properties": {
         "tracing": {
          "type": "object",
          "required": [
           "samplingPercent"
          ],
          "properties": {
           "samplingPercent": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 100
           }
          }
         },
         "accessLog": {
          "type": "string",
          "enum": [
           "None",
           "Errors",
           "All"
          ]
         }
        }
       }
      }
     },
     "injection": {
      "type": "object",
      "title": "InjectionSpec",
      "minProperties": 1,
      "properties": {
       "resources": {
        "type": "object",
        "minProperties": 1,
        "properties": {
         "cpuRequest": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$"
         },
         "memoryRequest": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$"
         },
         "memoryLimit": {
          "type": "string",
          "maxLength": 32,
          "pattern": "^[0-9]+(\\.[0-9]+)?(m|k|M|G|Ki|Mi|Gi)?$"
         }
        }
       },
       "excludeInboundPorts": {
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": {
         "type": "integer",
         "format": "int32",
         "minimum": 1,
         "maximum": 65535
        }
       },
       "excludeOutboundPorts": {
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": {
         "type": "integer",
         "format": "int32",
         "minimum": 1,
         "maximum": 65535
        }
       },
       "excludeOutboundCidrs": {
        "type": "array",
        "maxItems": 32,
        "x-kubernetes-list-type": "set",
        "items": {
         "type": "string",
         "maxLength": 43,
         "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$"
        }
       }
      }
     },
     "clusterRanges": {
      "type": "array",
      "maxItems": 64,
      "x-kubernetes-list-type": "set",
      "items": {
       "type": "string",
       "maxLength": 43,
       "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$"
      }
     },
     "unreachableControlPlane": {
      "type": "string",
      "enum": [
       "Refuse"
      ]
     }
    }
   },
   "status": {
    "type": "object",
    "title": "MeshConfigStatus",
    "properties": {
     "observedGeneration": {
      "type": "integer",
      "format": "int64"
     },
     "conditions": {
      "type": "array",
      "maxItems": 8,
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": [
       "type"
      ],
      "items": {
       "type": "object",
       "title": "Condition",
       "required": [
        "type",
        "status",
        "reason",
        "message",
        "lastTransitionTime"
       ],
       "properties": {
        "type": {
         "type": "string",
         "maxLength": 64
        },
        "status": {
         "type": "string",
         "enum": [
          "True",
          "False",
          "Unknown"
         ]
        },
        "reason": {
         "type": "string",
         "minLength": 1,
         "maxLength": 64,
         "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
        },
        "message": {
         "type": "string",
         "maxLength": 1024
        },
        "observedGeneration": {
         "type": "integer",
         "format": "int64",
         "minimum": 0
        },
        "lastTransitionTime": {
         "type": "string",
         "format": "date-time"
        }
       }
      }
     }
    }
   }
  }
 }
};
