# The worker as a Lambda function on Graviton. The zip: deploy/lambda/package --no-config

terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 6.0" }
  }
}

variable "zip" {
  description = "Path of the package"
  type        = string
}

module "audit_warehouse" {
  source = "../.."

  sources   = [{ bucket = "acme-eopa" }]
  warehouse = { bucket = "acme-audit" }
  lambda    = { zip = var.zip, architecture = "arm64", config = file("${path.module}/audit-warehouse.yaml") }
}
