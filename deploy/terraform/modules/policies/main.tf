# The IAM policies of the jobs, with the names of this installation in the place of the words in capitals. The JSON files
# beside this one are those of docs/iam: scripts/iam of the project writes both.

terraform {
  required_version = ">= 1.9"
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov"
  type        = string
}

variable "region" {
  description = "Region of the catalog, the queue and Athena"
  type        = string
}

variable "account" {
  description = "Account of the catalog, the queue and Athena"
  type        = string
}

variable "sources" {
  description = "What is read; a prefix is empty or as in the configuration's location"
  type        = list(object({ bucket = string, prefix = optional(string, "") }))
}

variable "warehouse" {
  description = "Root of the tables, without slashes at the ends; an empty prefix is the whole bucket"
  type        = object({ bucket = string, prefix = optional(string, "") })
}

variable "database" {
  description = "Glue database"
  type        = string
}

variable "queue" {
  description = "Name of the queue of events"
  type        = string
}

variable "dead_letter_queue" {
  description = "Name of its dead-letter queue"
  type        = string
}

variable "work_group" {
  description = "Athena work group; null leaves Athena out"
  type        = string
  default     = null
}

variable "results" {
  description = "Where Athena puts results"
  type        = object({ bucket = string, prefix = optional(string, "") })
  default     = null
}

locals {
  jobs     = toset([for file in fileset(path.module, "*.json") : trimsuffix(file, ".json")])
  athena   = var.work_group != null && var.results != null
  results  = local.athena ? var.results : { bucket = "", prefix = "" }
  prefix   = var.warehouse.prefix == "" ? "" : "${var.warehouse.prefix}/"
  policies = { for job in local.jobs : job => jsondecode(file("${path.module}/${job}.json")) }

  # Each statement as text; one that speaks of a source once for each of them.
  statements = {
    for job, policy in local.policies : job => flatten([
      for statement in policy.Statement : [
        for i, source in(strcontains(jsonencode(statement), "SOURCE-BUCKET") ? var.sources : [{ bucket = "", prefix = "" }]) :
        replace(replace(
          jsonencode(merge(statement, strcontains(jsonencode(statement), "SOURCE-BUCKET") && length(var.sources) > 1 ? { Sid = "${statement.Sid}${i + 1}" } : {})),
        "SOURCE-BUCKET", source.bucket), "SOURCE-PREFIX", source.prefix)
      ] if local.athena || !can(regex("RESULTS-BUCKET|WORK-GROUP|:database/default", jsonencode(statement)))
    ])
  }

  # The longer of two words first, where one is in the other.
  named = {
    for job, statements in local.statements : job => [
      for text in statements :
      replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(text,
        "WAREHOUSE-PREFIX/", local.prefix),
        "WAREHOUSE-BUCKET", var.warehouse.bucket),
        "RESULTS-PREFIX", local.results.prefix),
        "RESULTS-BUCKET", local.results.bucket),
        "WORK-GROUP", coalesce(var.work_group, "-")),
        "DEAD-LETTER-QUEUE", var.dead_letter_queue),
        "QUEUE", var.queue),
        "DATABASE", var.database),
        "REGION", var.region),
        "ACCOUNT", var.account),
      "arn:aws:", "arn:${var.partition}:")
    ]
  }
}

output "policies" {
  description = "By job: the policy as JSON"
  value = {
    for job, statements in local.named : job => jsonencode({
      Version   = "2012-10-17"
      Statement = [for text in statements : jsondecode(text)]
    })
  }
}
