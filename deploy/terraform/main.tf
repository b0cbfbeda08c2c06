data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  buckets   = toset([for source in var.sources : source.bucket])
}

module "policies" {
  source = "./modules/policies"

  partition         = local.partition
  region            = local.region
  account           = local.account
  sources           = var.sources
  warehouse         = var.warehouse
  database          = var.database
  queue             = var.name
  dead_letter_queue = "${var.name}-dead"
  work_group        = var.athena_results == null ? null : var.name
  results           = var.athena_results == null ? null : { bucket = var.athena_results.bucket, prefix = var.athena_results.prefix }
}

# The tables are made by the first run.
resource "aws_glue_catalog_database" "audit" {
  name         = var.database
  description  = "Access decisions and audit logs (audit-warehouse)"
  location_uri = join("/", compact(["s3://${var.warehouse.bucket}", var.warehouse.prefix]))
  tags         = var.tags

  # Its tables would leave the catalog with it.
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_athena_workgroup" "audit" {
  count = var.athena_results == null ? 0 : 1

  name = var.name
  tags = var.tags

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.athena_bytes_scanned_cutoff

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location = "s3://${var.athena_results.bucket}/${var.athena_results.prefix}"

      encryption_configuration {
        encryption_option = var.athena_results.kms_key_arn == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.athena_results.kms_key_arn
      }
    }
  }
}
