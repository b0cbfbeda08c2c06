variable "name" {
  description = "Name of the queue, the roles and the functions, and their common prefix"
  type        = string
  default     = "audit-warehouse"
}

variable "sources" {
  description = "Buckets and prefixes that the logs are in. They get a notification to the queue: all of a bucket's must be given here, since a bucket has one notification configuration"
  type        = list(object({ bucket = string, prefix = optional(string, "") }))

  validation {
    condition     = length(var.sources) > 0
    error_message = "At least one source is needed."
  }
}

variable "notify_buckets" {
  description = "false where something else owns the notification configuration of the buckets: point it to queue_arn"
  type        = bool
  default     = true
}

variable "warehouse" {
  description = "Root of the tables: an existing bucket, and a prefix without slashes at its ends"
  type        = object({ bucket = string, prefix = optional(string, "warehouse") })

  validation {
    condition     = !startswith(var.warehouse.prefix, "/") && !endswith(var.warehouse.prefix, "/")
    error_message = "Write the prefix of the warehouse without slashes at its ends."
  }
}

variable "database" {
  description = "Glue database of the tables; made here"
  type        = string
  default     = "audit"

  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.database))
    error_message = "A database has lower-case letters, digits and _."
  }
}

variable "athena_results" {
  description = "Where the results of Athena go, encrypted with the key or else with S3's own; null makes no work group"
  type        = object({ bucket = string, prefix = optional(string, "athena/"), kms_key_arn = optional(string) })
  default     = null
}

variable "athena_bytes_scanned_cutoff" {
  description = "Bytes that one query of the work group may read"
  type        = number
  default     = 1099511627776
}

variable "kms_key_arns" {
  description = "Keys of buckets with SSE-KMS; the roles may use them"
  type        = list(string)
  default     = []
}

variable "log_kms_key_arn" {
  description = "Key of the log groups; null: CloudWatch's own. Its policy has to let logs.REGION.amazonaws.com use it"
  type        = string
  default     = null
}

variable "alarm_actions" {
  description = "What alarms go to, such as the ARN of an SNS topic"
  type        = list(string)
  default     = []
}

variable "oldest_message_seconds" {
  description = "Age of the oldest message from which on there is an alarm"
  type        = number
  default     = 1800
}

variable "worker_assume_role_policy" {
  description = "JSON of who may be the worker (an OIDC provider's service account, EC2); null: the Lambda service, and ECS tasks of this account"
  type        = string
  default     = null
}

variable "nightly_assume_role_policy" {
  description = "The same for the nightly job"
  type        = string
  default     = null
}

variable "analyst_assume_role_policy" {
  description = "The same for who asks questions; null makes no such role"
  type        = string
  default     = null
}

variable "lambda" {
  description = "Runs the worker as a Lambda function from a zip of deploy/lambda/package; null: the worker runs elsewhere. config is the text of the configuration, kept as a parameter of Systems Manager; null: it is in the zip. Every invocation is a commit: for buckets with constant traffic run a worker"
  type = object({
    zip            = string
    config         = optional(string)
    architecture   = optional(string, "x86_64")
    memory_mb      = optional(number, 1769)
    timeout        = optional(number, 300)
    batch_window   = optional(number, 300)
    batch_size     = optional(number, 10000)
    max_concurrent = optional(number, 2)
    environment    = optional(map(string), {})
  })
  default = null

  validation {
    condition     = try(var.lambda.timeout, 60) <= 900 && try(var.lambda.batch_window, 0) <= 300
    error_message = "Lambda allows a timeout of 900 s and a batch window of 300 s."
  }

  validation {
    condition     = contains(["x86_64", "arm64"], try(var.lambda.architecture, "x86_64"))
    error_message = "Lambda has the architectures x86_64 and arm64."
  }
}

variable "worker" {
  description = "Runs the worker as an ECS service on Fargate; null: it runs elsewhere. The image is that of deploy/Dockerfile; config is the text of the configuration"
  type = object({
    image           = string
    config          = string
    cluster_arn     = string
    subnets         = list(string)
    security_groups = list(string)
    count           = optional(number, 1)
    architecture    = optional(string, "X86_64")
    cpu             = optional(number, 1024)
    memory          = optional(number, 2048)
    log_days        = optional(number, 30)
  })
  default = null

  validation {
    condition     = contains(["X86_64", "ARM64"], try(var.worker.architecture, "X86_64"))
    error_message = "Fargate has the architectures X86_64 and ARM64; build the image for it."
  }
}

variable "nightly" {
  description = "Runs deploy/nightly every night as an ECS task on Fargate; null: it runs elsewhere. The image is that of deploy/Dockerfile; config is the text of the configuration"
  type = object({
    image           = string
    config          = string
    cluster_arn     = string
    subnets         = list(string)
    security_groups = list(string)
    schedule        = optional(string, "cron(30 2 * * ? *)")
    architecture    = optional(string, "X86_64")
    cpu             = optional(number, 1024)
    memory          = optional(number, 2048)
    disk_gib        = optional(number, 30)
    log_days        = optional(number, 30)
  })
  default = null
}

variable "job" {
  description = "Runs backfills and compactions past one machine: a state machine that plans, stages and commits by a Lambda function, from a zip of deploy/lambda/package, with units side by side; null: none. config is the text of the configuration, kept as a parameter of Systems Manager; null: it is in the zip. With fargate, which needs config, each unit is staged by a task on ECS instead, in the image of deploy/Dockerfile"
  type = object({
    zip            = string
    config         = optional(string)
    architecture   = optional(string, "x86_64")
    memory_mb      = optional(number, 1769)
    disk_mb        = optional(number, 4096)
    max_concurrent = optional(number, 100)
    environment    = optional(map(string), {})
    fargate = optional(object({
      image           = string
      cluster_arn     = string
      subnets         = list(string)
      security_groups = list(string)
      architecture    = optional(string, "X86_64")
      cpu             = optional(number, 1024)
      memory          = optional(number, 2048)
      disk_gib        = optional(number, 30)
      log_days        = optional(number, 30)
    }))
  })
  default = null

  validation {
    condition     = try(var.job.fargate, null) == null || try(var.job.config, null) != null
    error_message = "Tasks on Fargate have no zip: give the configuration as job.config."
  }

  validation {
    condition     = contains(["X86_64", "ARM64"], try(var.job.fargate.architecture, "X86_64"))
    error_message = "Fargate has the architectures X86_64 and ARM64; build the image for it."
  }

  validation {
    condition     = contains(["x86_64", "arm64"], try(var.job.architecture, "x86_64"))
    error_message = "Lambda has the architectures x86_64 and arm64."
  }
}

variable "tags" {
  description = "Tags of everything that can have them"
  type        = map(string)
  default     = {}
}
