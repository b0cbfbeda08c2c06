# The configuration of the functions is kept outside of their packages, so that changing it needs no new package.

locals {
  configs = {
    for role, config in { worker = try(var.lambda.config, null), job = try(var.job.config, null) } : role => config if config != null
  }

  # With the version, so that functions that are warm read it again.
  config_variables = {
    for role, parameter in aws_ssm_parameter.config : role => { AUDIT_WAREHOUSE_CONFIG_PARAMETER = "${parameter.name}:${parameter.version}" }
  }
}

resource "aws_ssm_parameter" "config" {
  for_each = local.configs

  name  = "/${var.name}/${each.key}"
  type  = "String"
  tier  = "Intelligent-Tiering"
  value = each.value
  tags  = var.tags
}

resource "aws_iam_role_policy" "config" {
  for_each = local.configs

  name = "config"
  role = aws_iam_role.job[each.key].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ReadConfig"
      Effect   = "Allow"
      Action   = ["ssm:GetParameter"]
      Resource = [aws_ssm_parameter.config[each.key].arn]
    }]
  })
}
