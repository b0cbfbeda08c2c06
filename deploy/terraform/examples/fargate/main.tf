# A worker and the nightly job on Fargate, with alarms to a topic. Run `terraform init` and `terraform apply` here.

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.0" }
  }
}

variable "image" {
  description = "The image of deploy/Dockerfile, by digest"
  type        = string
}

variable "subnets" {
  description = "Subnets with a way to S3, Glue, SQS, CloudWatch Logs and the registry of the image"
  type        = list(string)
}

variable "security_groups" {
  description = "Security groups that let the tasks out by HTTPS"
  type        = list(string)
}

resource "aws_ecs_cluster" "audit" {
  name = "audit-warehouse"
}

resource "aws_sns_topic" "on_call" {
  name = "audit-warehouse-alarms"
}

locals {
  config = templatefile("${path.module}/audit-warehouse.yaml", { queue_url = module.audit_warehouse.queue_url })

  task = {
    image           = var.image
    config          = local.config
    cluster_arn     = aws_ecs_cluster.audit.arn
    subnets         = var.subnets
    security_groups = var.security_groups
  }
}

module "audit_warehouse" {
  source = "../.."

  sources        = [{ bucket = "acme-eopa" }]
  warehouse      = { bucket = "acme-audit" }
  athena_results = { bucket = "acme-athena-results" }
  alarm_actions  = [aws_sns_topic.on_call.arn]
  worker         = local.task
  nightly        = local.task
}
